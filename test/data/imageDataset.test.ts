import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { uniform } from '../support/random.js';

const SHAPE = [3, 5, 3] as const; // 45 bytes an image: none but the first starts at a word
const SIZE = 45;
const COUNT = 7;
const images = Uint8Array.from(uniform(COUNT * SIZE, 5, 0, 256));
const labels = new Uint8Array([0, 1, 2, 0, 1, 2, 2]);
const classNames = ['a', 'b', 'c'];
const plain = { images, labels, imageShape: SHAPE, classNames };

describe('a batch', () => {
  test.each([
    ['by default', undefined],
    ['with mean and std', { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] }],
  ])(
    'is normalised %s as on the CPU, to the last bit or the one before',
    async (_, normalization) => {
      const dataset = new sg.data.ImageDataset({ ...plain, normalization });
      const order = [6, 0, 3, 3, 5];
      const { mean, std } = normalization ?? { mean: [0, 0, 0], std: [1, 1, 1] };
      const loader = new sg.data.DataLoader(new sg.data.Subset(dataset, order), { batchSize: 3 });
      const seen: number[] = [];
      const classesSeen: number[] = [];
      for await (const [x, y] of loader) {
        expect(x!.shape.slice(1)).toEqual([...SHAPE]);
        expect([x!.dtype, y!.dtype]).toEqual(['f32', 'i32']);
        seen.push(...(await x!.data()));
        classesSeen.push(...(await y!.data()));
      }
      const expected = order.flatMap((image) =>
        Array.from({ length: SIZE }, (_, i) => {
          const channel = Math.floor(i / 15);
          return (images[image * SIZE + i]! / 255 - mean[channel]!) / std[channel]!;
        }),
      );
      expect(seen).toHaveLength(expected.length);
      for (const [i, value] of seen.entries()) {
        // The sum of two terms of up to 1 / std, each rounded.
        const ulps = Math.abs(value - expected[i]!) / (2 ** -24 / Math.min(...std));
        expect(ulps, `element ${i}: ${value}, expected ${expected[i]}`).toBeLessThanOrEqual(3);
      }
      expect(classesSeen).toEqual([2, 0, 0, 0, 2]);
      dataset.dispose();
    },
  );

  test('has the whole range of bytes exactly at its ends', async () => {
    const dataset = new sg.data.ImageDataset({
      images: new Uint8Array([0, 255, 51]),
      labels: new Uint8Array([0]),
      imageShape: [1, 1, 3],
      classNames: ['only'],
    });
    const [x, y] = new sg.data.DataLoader(dataset).sample();
    const [zero, one, fifth] = await x!.data();
    expect([zero, one]).toEqual([0, 1]);
    expect(fifth).toBeCloseTo(0.2, 7);
    for (const tensor of [x!, y!]) tensor.dispose();
    dataset.dispose();
  });
});

test('is uploaded once, at the first batch, and again after dispose()', () => {
  const before = sg.memory().bytesInUse;
  const dataset = new sg.data.ImageDataset(plain);
  expect(sg.memory().bytesInUse).toBe(before);
  const loader = new sg.data.DataLoader(dataset, { batchSize: 2 });
  const pass = () => {
    for (const _ of loader);
    return sg.memory().bytesInUse - before;
  };
  const held = pass();
  expect(held).toBe(512 + 256 + 256 + 256); // pixels, labels, scale and shift, no steps
  expect(pass()).toBe(held);
  dataset.dispose();
  dataset.dispose();
  expect(sg.memory().bytesInUse).toBe(before);
  expect(pass()).toBe(held);
  dataset.dispose();
});

test('image(i) gives the bytes of one image', () => {
  const dataset = new sg.data.ImageDataset(plain);
  expect(dataset.image(2)).toEqual(images.slice(90, 135));
  expect([dataset.length, dataset.classNames]).toEqual([7, classNames]);
});

test.each([
  [
    'images that are too few',
    { images: images.subarray(1) },
    sg.ShapeError,
    '315 bytes of images for 7 labels, got 314 bytes',
  ],
  [
    'a label without a class',
    { classNames: ['a', 'b'] },
    sg.ArgumentError,
    'labels under 2, got 2',
  ],
  [
    'a mean for one channel of three',
    { normalization: { mean: [0], std: [1, 1, 1] } },
    sg.ArgumentError,
    'for each of 3 channels',
  ],
  [
    'a std of 0',
    { normalization: { mean: [0, 0, 0], std: [1, 0, 1] } },
    sg.ArgumentError,
    'a std above 0',
  ],
])('refuses %s', (_, wrong, kind, message) => {
  const make = () => new sg.data.ImageDataset({ ...plain, ...wrong });
  expect(make).toThrow(kind);
  expect(make).toThrow(message);
});

describe('imagesAt', () => {
  const dataset = new sg.data.ImageDataset(plain);

  test('gives the bytes of some images in their order', () => {
    const { data, shape } = dataset.imagesAt([6, 0, 6]);
    expect(shape).toEqual([3, ...SHAPE]);
    const image = (i: number) => [...images.subarray(i * SIZE, (i + 1) * SIZE)];
    expect([...data]).toEqual([...image(6), ...image(0), ...image(6)]);
  });

  test.each([[-1], [COUNT], [0.5], [NaN]])('refuses %s', (index) => {
    expect(() => dataset.imagesAt([0, index])).toThrow(sg.ArgumentError);
  });
});
