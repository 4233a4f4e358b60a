import * as sg from 'shadegrad';
import { expect, test } from 'vitest';

const { normalizationOf, toPlanes } = sg.data;

test('colours become planes, transparency goes', () => {
  const data = Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 0);
  expect(toPlanes({ width: 2, height: 1, channels: 4, data })).toEqual({
    data: Uint8Array.of(1, 4, 2, 5, 3, 6),
    shape: [3, 1, 2],
  });
});

test('grey is made of colours, and colours of grey', () => {
  const colours = Uint8Array.of(100, 150, 200);
  expect(toPlanes({ width: 1, height: 1, channels: 3, data: colours }, 1)).toEqual({
    data: Uint8Array.of(Math.round(0.299 * 100 + 0.587 * 150 + 0.114 * 200)),
    shape: [1, 1, 1],
  });
  expect(toPlanes({ width: 1, height: 1, channels: 1, data: Uint8Array.of(7) }, 3).data).toEqual(
    Uint8Array.of(7, 7, 7),
  );
});

test('mean and deviation of each channel, over all images', () => {
  const images = Uint8Array.of(0, 51, 255, 255, 102, 153, 255, 255);
  const { mean, std } = normalizationOf({ images, imageShape: [2, 1, 2] });
  expect(mean[0]).toBeCloseTo(0.3, 12);
  expect(std[0]).toBeCloseTo(Math.sqrt((0.09 + 0.01 + 0.01 + 0.09) / 4), 12);
  expect([mean[1], std[1]]).toEqual([1, 1]);
});
