import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { ArgumentError, ShapeError } from '../../src/errors.js';
import { featureMaps } from '../../src/viz/index.js';
import { all, parseXml, pngBytes } from './helpers.js';

/** [red, green, blue] of the pixels of each image. */
const pixels = (svg: string): number[][][] =>
  all(parseXml(svg), 'image').map(({ attributes }) => {
    const { data } = decode(pngBytes(attributes.href!));
    return Array.from({ length: data.length / 3 }, (_, i) => [...data.slice(3 * i, 3 * i + 3)]);
  });

describe('featureMaps', () => {
  const maps = { data: Float32Array.of(0, 1, 2, 4), shape: [1, 2, 1, 2] };

  test('of a ReLU: black is 0, white the largest of all channels', async () => {
    const svg = await featureMaps({ maps, layer: 'features.1' });
    expect(pixels(svg).map((map) => map.map(([red]) => red))).toEqual([
      [0, 64],
      [128, 255],
    ]);
    const { text } = parseXml(svg);
    expect(text).toContain('features.1: 2 channels of 1 \u00d7 2');
    expect(text.replace(/\s+/g, ' ')).toMatch(/\b0 4 ?$/);
  });

  test('with negative values: white is 0, blue above, orange below, on one scale', async () => {
    const svg = await featureMaps({ maps: { data: [0, 4, -4, -1], shape: [2, 1, 2] } });
    const [[zero, plus], [minus]] = pixels(svg) as [number[][], number[][]];
    expect(zero).toEqual([255, 255, 255]);
    expect(plus![2]).toBeGreaterThan(plus![0]!);
    expect(minus![0]).toBeGreaterThan(minus![2]!);
    expect(parseXml(svg).text.replace(/\s+/g, ' ')).toContain('\u22124 0 4');
  });

  test('each on its own scale, the image in front, the first channels alone', async () => {
    const image = { data: Uint8Array.of(7, 9), shape: [1, 1, 1, 2] };
    const svg = await featureMaps({ maps, image, scale: 'each', channels: 1 });
    expect(pixels(svg).map((map) => map.map(([red]) => red))).toEqual([
      [7, 9],
      [0, 255],
    ]);
    const { text } = parseXml(svg);
    expect(text).toContain('Feature maps: 1 of 2 channels');
    expect(text).toContain('input');
  });

  test('of zeros are black', async () => {
    const svg = await featureMaps({ maps: { data: [0, 0], shape: [1, 1, 2] } });
    expect(pixels(svg)).toEqual([
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
    ]);
  });

  test('refuses what is no map of one image', async () => {
    const refused = (options: Parameters<typeof featureMaps>[0], error: unknown) =>
      expect(featureMaps(options)).rejects.toThrow(error as string);
    await refused(
      { maps: { data: [1, 2], shape: [1, 2] } },
      'Pass one image through a convolution',
    );
    await refused({ maps: { data: [1, 2], shape: [2, 1, 1, 1] } }, ShapeError);
    await refused({ maps: { data: [1], shape: [2, 1, 1] } }, '2 values');
    await refused({ maps, channels: 0 }, ArgumentError);
    await refused({ maps, columns: 0.5 }, ArgumentError);
    await refused({ maps, image: { data: [1, 2], shape: [2, 1, 1, 1] } }, 'one image');
  });
});
