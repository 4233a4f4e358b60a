import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { transformed, type RandomTransform } from '../reference/transforms.js';
import { withBindingLimit } from '../support/limits.js';
import { uniform } from '../support/random.js';
import { ADAPTERS, tuneFor } from '../support/tuning.js';

const { compose, normalize, randomCrop, randomHorizontalFlip, randomVerticalFlip } =
  sg.data.transforms;

type ImageShape = readonly [number, number, number];

function datasetOf(
  shape: ImageShape,
  count: number,
  transforms: readonly sg.data.Transform[] = [],
): sg.data.ImageDataset {
  const size = shape[0] * shape[1] * shape[2];
  return new sg.data.ImageDataset({
    images: Uint8Array.from(uniform(count * size, 5, 1, 256)), // none is 0, as padding is
    labels: Uint8Array.from({ length: count }, (_, i) => (i * 7) % 5),
    imageShape: shape,
    classes: ['a', 'b', 'c', 'd', 'e'],
    transforms,
  });
}

/** Batches of one pass over the data set, in its order: pixels times 255, and labels. */
async function batchesOf(
  dataset: sg.data.ImageDataset,
  batchSize: number,
  seed: number,
): Promise<{ pixels: number[]; labels: number[] }[]> {
  const batches = [];
  for await (const [x, y] of new sg.data.DataLoader(dataset, { batchSize, seed })) {
    const [pixels, labels] = await Promise.all([x!.data(), y!.data()]);
    batches.push({
      pixels: Array.from(pixels, (v) => Math.round(v * 255)),
      labels: Array.from(labels),
    });
  }
  return batches;
}

/** The images of one pass. */
async function imagesOf(loader: sg.data.DataLoader): Promise<number[]> {
  const images: number[] = [];
  for await (const [x] of loader) images.push(...(await x!.data()));
  return images;
}

const crop = randomCrop({ padding: 2 });
const LISTS: { name: string; transforms: sg.data.Transform[] }[] = [
  { name: 'nothing', transforms: [] },
  { name: 'a crop', transforms: [randomCrop({ padding: 1 })] },
  { name: 'a crop by 0', transforms: [randomCrop({ padding: 0 })] },
  { name: 'a crop that may leave nothing', transforms: [randomCrop({ padding: 40 })] },
  { name: 'a flip', transforms: [randomHorizontalFlip()] },
  { name: 'a sure flip', transforms: [randomHorizontalFlip({ p: 1 })] },
  { name: 'a flip that never is', transforms: [randomHorizontalFlip({ p: 0 })] },
  { name: 'upside down', transforms: [randomVerticalFlip({ p: 0.7 })] },
  { name: 'crop, flip', transforms: [crop, randomHorizontalFlip()] },
  { name: 'flip, crop', transforms: [randomHorizontalFlip(), crop] },
  {
    name: 'all, and twice',
    transforms: [crop, randomHorizontalFlip(), randomVerticalFlip(), randomCrop({ padding: 3 })],
  },
];
const SHAPES: ImageShape[] = [
  [1, 28, 28],
  [3, 32, 32],
  [3, 5, 7],
  [2, 1, 3],
  [1, 17, 1],
];

describe.each(ADAPTERS)('tuned for %s', (adapter) => {
  tuneFor(adapter);

  describe.each(SHAPES)('images (%i, %i, %i)', (...shape) => {
    test.each(LISTS)('$name', async ({ transforms }) => {
      const [channels, height, width] = shape;
      const count = 13;
      const dataset = datasetOf(shape, count, transforms);
      const plane = height * width;
      const batches = await batchesOf(dataset, 8, 11);
      batches.forEach(({ pixels, labels }, b) => {
        const draw = { seed0: 11, seed1: 0, offset: b };
        const expected = labels.flatMap((_, n) =>
          Array.from({ length: channels }, (_, c) => {
            const from = ((8 * b + n) * channels + c) * plane;
            const data = dataset.images.subarray(from, from + plane);
            const image = { height, width, data };
            return Array.from(transformed(image, transforms as RandomTransform[], n, draw).data);
          }).flat(),
        );
        expect(pixels).toEqual(expected);
        expect(labels).toEqual([...dataset.labels.subarray(8 * b, 8 * b + 8)]);
      });
      dataset.dispose();
    });
  });
});

describe('random transforms', () => {
  const transforms = [crop, randomHorizontalFlip()];

  test('are the same by the seed, and others in each batch and pass', async () => {
    const dataset = datasetOf([1, 9, 9], 4, transforms);
    const loader = () => new sg.data.DataLoader(dataset, { batchSize: 4, seed: 3 });
    const [one, other] = [loader(), loader()];
    const first = await imagesOf(one);
    const second = await imagesOf(one);
    expect(second).not.toEqual(first);
    other.sample().forEach((t) => t.dispose()); // which takes no part in the stream
    expect(await imagesOf(other)).toEqual(first);
    expect(await imagesOf(other)).toEqual(second);
    dataset.dispose();
  });

  test('come from manualSeed without a seed, and leave the stream alone if there are none', () => {
    const drawn = (list: sg.data.Transform[]): number => {
      const dataset = datasetOf([1, 3, 3], 4, list);
      const generator = sg.manualSeed(5);
      for (const _ of new sg.data.DataLoader(dataset, { batchSize: 2 }));
      dataset.dispose();
      return generator.state.offset;
    };
    expect(drawn([])).toBe(0);
    expect(drawn(transforms)).toBe(2);
  });

  test('crop all shifts, and flip as often as they should', async () => {
    const count = 2000;
    const images = new Uint8Array(count * 25);
    for (let i = 0; i < count; i++) images[i * 25 + 12] = 255; // the pixel in the middle
    images.forEach((_, i) => (images[i] ||= i % 25 === 13 ? 128 : 0)); // and one to its right
    const dataset = new sg.data.ImageDataset({
      images,
      labels: new Uint8Array(count),
      imageShape: [1, 5, 5],
      classes: ['only'],
      transforms: [randomHorizontalFlip({ p: 0.25 }), randomCrop({ padding: 1 })],
    });
    const [batch] = await batchesOf(dataset, count, 1);
    const { pixels } = batch!;
    const shifts = Array<number>(9).fill(0);
    let flips = 0;
    for (let i = 0; i < count; i++) {
      const image = pixels.slice(25 * i, 25 * i + 25);
      const at = image.indexOf(255);
      const [h, w] = [Math.floor(at / 5), at % 5];
      shifts[(h - 1) * 3 + w - 1]!++;
      flips += Number(image[at - 1] === 128);
    }
    for (const n of shifts) expect(Math.abs(n - count / 9)).toBeLessThan(60); // 4 deviations
    expect(Math.abs(flips - count / 4)).toBeLessThan(80);
    dataset.dispose();
  });
});

describe('normalize', () => {
  const normalization = { mean: [0.5, 0.25, 0.1], std: [0.5, 0.3, 2] };

  test('is the option normalization, after all others: padding is black before it', async () => {
    const shape = [3, 4, 4] as const;
    const list = compose([[randomCrop({ padding: 2 })], normalize(normalization)]);
    const dataset = datasetOf(shape, 2, list);
    expect(dataset.normalization).toEqual(normalization);
    const plain = datasetOf(shape, 2, [randomCrop({ padding: 2 })]);
    const [x, y] = await Promise.all(
      ([dataset, plain] as const).map((set) =>
        imagesOf(new sg.data.DataLoader(set, { batchSize: 2, seed: 1 })),
      ),
    );
    y.forEach((v, i) => {
      const c = Math.floor(i / 16) % 3;
      expect(x[i]).toBeCloseTo((v - normalization.mean[c]!) / normalization.std[c]!, 5);
    });
    expect(y.filter((v) => v === 0).length).toBeGreaterThan(0);
    for (const set of [dataset, plain]) set.dispose();
  });

  test('is refused before other transforms, and beside the option', () => {
    const normal = normalize({ mean: [0], std: [1] });
    expect(() => datasetOf([1, 2, 2], 1, [normal, crop])).toThrow(
      'ImageDataset: expected normalize as the last of the transforms, got normalize, randomCrop',
    );
    const options = {
      ...{ images: new Uint8Array(1), labels: new Uint8Array(1), classes: ['only'] },
      ...{ imageShape: [1, 1, 1] as const, transforms: [normal] },
    };
    const both = { ...options, normalization: { mean: [0], std: [1] } };
    expect(() => new sg.data.ImageDataset(both)).toThrow(sg.ArgumentError);
    expect(() => datasetOf([3, 2, 2], 1, [normal])).toThrow('for each of 3 channels');
  });
});

test('one dispatch a batch, or one for each piece of a data set that no binding holds', async () => {
  const shape = [3, 5, 3] as const; // 45 bytes
  const transforms = [crop, randomHorizontalFlip()];
  const { queue } = currentDevice();
  const batches = async () => {
    const dataset = datasetOf(shape, 23, transforms);
    const order = new sg.data.Subset(dataset, [22, 0, 5, 6, 11, 4, 17, 16, 16, 1, 21, 10]);
    const seen = [];
    const before = queue.dispatches;
    for (const [x, y] of new sg.data.DataLoader(order, { batchSize: 4, seed: 2 }))
      seen.push([Array.from(await x!.data()), Array.from(await y!.data())]);
    dataset.dispose();
    return { seen, dispatches: queue.dispatches - before };
  };
  const whole = await batches();
  expect(whole.dispatches).toBe(3);
  const pieces = await withBindingLimit(1024, batches); // room for 22 images
  expect(pieces.dispatches).toBe(6);
  expect(pieces.seen).toEqual(whole.seen);
});

test('an image that no binding holds is refused', async () => {
  const dataset = datasetOf([3, 20, 20], 2);
  await withBindingLimit(1024, () => {
    expect(() => new sg.data.DataLoader(dataset).sample()).toThrow(
      'ImageDataset: expected images of at most 1024 bytes, which this adapter can bind, got 1200',
    );
  });
  dataset.dispose();
});

test.each([
  ['a negative padding', () => randomCrop({ padding: -1 }), 'randomCrop: expected padding'],
  ['half a pixel', () => randomCrop({ padding: 0.5 }), 'got 0.5'],
  ['a probability over 1', () => randomHorizontalFlip({ p: 1.5 }), 'p from 0 to 1, got 1.5'],
  ['NaN', () => randomVerticalFlip({ p: NaN }), 'randomVerticalFlip: expected p'],
])('refuses %s', (_, make, message) => {
  expect(make).toThrow(sg.ArgumentError);
  expect(make).toThrow(message);
});
