import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { withoutRandom } from '../../src/data/transforms.js';
import { transformed } from '../reference/transforms.js';
import { expectClose } from '../support/compare.js';
import { casesOf, unlessAll } from '../support/extent.js';
import { withBindingLimit } from '../support/limits.js';
import { uniform } from '../support/random.js';
import { ADAPTERS, tuneFor } from '../support/tuning.js';

const { apply, centerCrop, colorJitter, compose, cutout, lighting } = sg.data.transforms;
const { normalize, randomCrop, randomHorizontalFlip, randomVerticalFlip } = sg.data.transforms;
const { resize, resizeWithPad } = sg.data.transforms;

type ImageShape = readonly [number, number, number];
type List = readonly sg.data.Transform[];

function datasetOf(shape: ImageShape, count: number, transforms: List = []): sg.data.ImageDataset {
  const size = shape[0] * shape[1] * shape[2];
  return new sg.data.ImageDataset({
    images: Uint8Array.from(uniform(count * size, 5, 1, 256)), // none is 0, as padding is
    labels: Uint8Array.from({ length: count }, (_, i) => (i * 7) % 5),
    imageShape: shape,
    classNames: ['a', 'b', 'c', 'd', 'e'],
    transforms,
  });
}

/** The images of one pass. */
async function imagesOf(loader: sg.data.DataLoader): Promise<number[]> {
  const images: number[] = [];
  for await (const [x] of loader) images.push(...(await x!.data()));
  return images;
}

const COUNT = 13;
const BATCH = 8;
const SEED = 11;

/** Compares each batch of a pass with the CPU reference, and its labels. */
async function check(shape: ImageShape, transforms: List): Promise<void> {
  const [channels, height, width] = shape;
  const dataset = datasetOf(shape, COUNT, transforms);
  const loader = new sg.data.DataLoader(dataset, { batchSize: BATCH, seed: SEED });
  // WGSL lets cosines and logarithms be less exact than other functions.
  const lit = transforms.reduce((sum, t) => sum + (t.kind === 'lighting' ? 2e-5 * t.std : 0), 0);
  let b = 0;
  for await (const [x, y] of loader) {
    const labels = dataset.labels.subarray(BATCH * b, BATCH * (b + 1));
    const draw = { seed0: SEED, seed1: 0, offset: b };
    const expected = Array.from(labels, (_, n) => {
      const data = Array.from(dataset.image(BATCH * b + n), (byte) => byte / 255);
      return transformed({ channels, height, width, data }, transforms, n, draw);
    });
    const { height: outHeight, width: outWidth } = expected[0]!;
    expect(x!.shape).toEqual([labels.length, channels, outHeight, outWidth]);
    expect(dataset.sampleShape).toEqual([channels, outHeight, outWidth]);
    const flat = expected.flatMap(({ data }) => [...data]);
    // Over a deviation, errors grow as the values do.
    const absolute = (4e-6 + lit) / Math.min(...dataset.normalization.std);
    expectClose(await x!.data(), flat, { absolute, relative: 1e-6 });
    expect([...(await y!.data())]).toEqual([...labels]);
    b++;
  }
  dataset.dispose();
}

const crop = randomCrop({ padding: 2 });
const flip = randomHorizontalFlip();
const jitter = colorJitter({ brightness: 0.6, contrast: 0.7, saturation: 0.8, hue: 0.4 });

/** For images of any channels. */
const SHAPED: { name: string; transforms: List }[] = [
  { name: 'nothing', transforms: [] },
  { name: 'a crop', transforms: [randomCrop({ padding: 1 })] },
  { name: 'a crop by 0', transforms: [randomCrop({ padding: 0 })] },
  { name: 'a crop that may leave nothing', transforms: [randomCrop({ padding: 40 })] },
  { name: 'a flip', transforms: [flip] },
  { name: 'a sure flip', transforms: [randomHorizontalFlip({ p: 1 })] },
  { name: 'a flip that never is', transforms: [randomHorizontalFlip({ p: 0 })] },
  { name: 'upside down', transforms: [randomVerticalFlip({ p: 0.7 })] },
  { name: 'crop, flip', transforms: [crop, flip] },
  { name: 'flip, crop', transforms: [flip, crop] },
  {
    name: 'all, and twice',
    transforms: [crop, flip, randomVerticalFlip(), randomCrop({ padding: 3 })],
  },
  { name: 'crop to a size', transforms: [randomCrop({ padding: 30, size: [9, 4] }), flip] },
  { name: 'to more', transforms: [resize([37, 41])] },
  { name: 'to less', transforms: [resize([6, 5])] },
  { name: 'to one pixel', transforms: [resize([1, 1])] },
  { name: 'to its size', transforms: [resize([28, 28])] },
  { name: 'the nearest, to more', transforms: [resize([37, 41], { mode: 'nearest' })] },
  { name: 'the nearest, to less', transforms: [resize([6, 5], { mode: 'nearest' })] },
  { name: 'the shorter side', transforms: [resize(12)] },
  { name: 'with padding to all sides', transforms: [resizeWithPad([20, 31])] },
  { name: 'padded, the nearest', transforms: [resizeWithPad(23, { mode: 'nearest' })] },
  { name: 'the middle of less', transforms: [centerCrop([1, 1])] },
  { name: 'the middle of more', transforms: [centerCrop([40, 37])] },
  { name: 'of more and less', transforms: [centerCrop([4, 35]), centerCrop(2)] },
  {
    name: 'resized, cropped and flipped',
    transforms: [resize(33), randomCrop({ padding: 1, size: 30 }), flip],
  },
  {
    name: 'flipped, and resized twice',
    transforms: [flip, resize([9, 20]), crop, resize([14, 11])],
  },
  { name: 'a hole', transforms: [cutout(4)] },
  { name: 'a hole of odd size in what is flipped', transforms: [flip, cutout(3, { fill: 0.75 })] },
  { name: 'two holes, then a flip', transforms: [cutout(5), cutout(2, { fill: 1 }), flip] },
  { name: 'a hole of everything', transforms: [cutout(99)] },
];
const SHAPES: ImageShape[] = [
  [1, 28, 28],
  [3, 32, 32],
  [3, 5, 7],
  [2, 1, 3],
  [1, 17, 1],
];

/** For images of three channels. */
const COLORED: { name: string; transforms: List }[] = [
  { name: 'brightness', transforms: [colorJitter({ brightness: 0.9 })] },
  { name: 'contrast', transforms: [colorJitter({ contrast: [0.1, 3] })] },
  { name: 'saturation', transforms: [colorJitter({ saturation: 2 })] },
  { name: 'hue', transforms: [colorJitter({ hue: 0.5 })] },
  { name: 'the same hue for all', transforms: [colorJitter({ hue: [-0.25, -0.25] })] },
  { name: 'no change of colour', transforms: [colorJitter({})] },
  { name: 'all of it', transforms: [jitter] },
  { name: 'all of it, twice', transforms: [jitter, jitter] },
  { name: 'between others', transforms: [crop, jitter, flip, cutout(2)] },
  { name: 'lighting', transforms: [lighting()] },
  {
    name: 'strong lighting, then less bright',
    transforms: [lighting({ std: 3 }), colorJitter({ brightness: [0.2, 0.5] })],
  },
  {
    name: "AlexNet's, normalised",
    transforms: [
      resize(12),
      randomCrop({ size: 9 }),
      flip,
      lighting(),
      normalize({ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }),
    ],
  },
  {
    name: 'jitter and a hole of the mean, normalised',
    transforms: [
      jitter,
      cutout(4, { fill: [0.5, 0.4, 0.3] }),
      normalize({ mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] }),
    ],
  },
  {
    name: 'jitter, normalised',
    transforms: [jitter, normalize({ mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] })],
  },
];

/** On another adapter or shape, the same kernel launches otherwise: one case of each of its parts. */
const FEW_SHAPED = casesOf(
  SHAPED,
  ...['nothing', 'all, and twice', 'flipped, and resized twice', 'padded, the nearest'],
  ...['of more and less', 'two holes, then a flip'],
);
const FEW_COLORED = casesOf(COLORED, 'all of it', 'between others', 'lighting');

describe.each(ADAPTERS)('tuned for %s', (adapter) => {
  tuneFor(adapter);
  const first = adapter === ADAPTERS[0];

  describe.each(unlessAll(first ? SHAPES : SHAPES.slice(0, 2), SHAPES))(
    'images (%i, %i, %i)',
    (...shape) => {
      const cases = first && shape[1] === 28 ? SHAPED : FEW_SHAPED;
      test.each(cases)('$name', ({ transforms }) => check(shape, transforms));
    },
  );

  describe.each([
    [3, 9, 13],
    [3, 36, 33], // long enough for a workgroup each
  ] as ImageShape[])('colours of (%i, %i, %i)', (...shape) => {
    const cases = first && shape[1] === 9 ? COLORED : FEW_COLORED;
    test.each(cases)('$name', ({ transforms }) => check(shape, transforms));
  });

  test('grey images keep their hue and saturation', () => check([1, 9, 5], [jitter]));
});

describe('values that are known', () => {
  const run = async (data: number[], shape: number[], list: List): Promise<number[]> => {
    const x = sg.tensor(data, { shape });
    const y = apply(x, list);
    const values = [...(await y.data())];
    for (const t of [x, y]) t.dispose();
    return values;
  };

  test('a third of a turn makes red green, green blue and blue red; grey stays', async () => {
    const colors = [1, 0, 0, 0.5, /**/ 0, 1, 0, 0.5, /**/ 0, 0, 1, 0.5];
    const turned = await run(colors, [1, 3, 1, 4], [colorJitter({ hue: [1 / 3, 1 / 3] })]);
    expectClose(turned, [0, 0, 1, 0.5, /**/ 1, 0, 0, 0.5, /**/ 0, 1, 0, 0.5], { absolute: 1e-6 });
  });

  test('saturation 0 is grey, contrast 0 its mean, brightness 2 stops at 1', async () => {
    const two = [1, 0.5, /**/ 0, 0.5, /**/ 0, 0.5];
    const grey = await run(two, [1, 3, 1, 2], [colorJitter({ saturation: [0, 0] })]);
    expectClose(grey, [0.2989, 0.49995, 0.2989, 0.49995, 0.2989, 0.49995]);
    const mean = await run(two, [1, 3, 1, 2], [colorJitter({ contrast: [0, 0] })]);
    expectClose(mean, Array(6).fill(0.399425));
    const bright = await run(two, [1, 3, 1, 2], [colorJitter({ brightness: [2, 2] })]);
    expect(bright).toEqual([1, 1, 0, 1, 0, 1]);
  });

  // What torch.nn.functional.interpolate gives for [[0, 1], [2, 3]] / 4.
  test("resize is PyTorch's interpolate", async () => {
    const square = [0, 0.25, 0.5, 0.75];
    const larger = await run(square, [1, 1, 2, 2], [resize([3, 4])]);
    const row = [0, 0.0625, 0.1875, 0.25];
    expectClose(larger, [...row, ...row.map((v) => v + 0.25), ...row.map((v) => v + 0.5)]);
    const nearest = await run(square, [1, 1, 2, 2], [resize([3, 4], { mode: 'nearest' })]);
    expect(nearest).toEqual([0, 0, 0.25, 0.25, 0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]);
  });

  test('resizeWithPad fills the side that fits, to the pixel', async () => {
    const white = Array<number>(28 * 28).fill(1);
    const square = await run(white, [1, 1, 28, 28], [resizeWithPad(227)]);
    expect(square.every((v) => Math.abs(v - 1) < 1e-6)).toBe(true);
    const wide = await run(white, [1, 1, 14, 56], [resizeWithPad([8, 8])]);
    const rows = Array.from({ length: 8 }, (_, i) => wide.slice(8 * i, 8 * i + 8));
    expect(rows.map((row) => Math.round(row.reduce((a, b) => a + b) / 8))).toEqual([
      0, 0, 0, 1, 1, 0, 0, 0,
    ]);
  });
});

describe('random transforms', () => {
  const transforms = [crop, flip];

  test('are the same by the seed, and others in each batch and pass', async () => {
    const dataset = datasetOf([3, 9, 9], 4, [...transforms, jitter, lighting(), cutout(3)]);
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
    const drawn = (list: List): number => {
      const dataset = datasetOf([1, 3, 3], 4, list);
      const generator = sg.manualSeed(5);
      for (const _ of new sg.data.DataLoader(dataset, { batchSize: 2 }));
      dataset.dispose();
      return generator.state.offset;
    };
    expect(drawn([])).toBe(0);
    expect(drawn([resize(5), centerCrop(2)])).toBe(0);
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
      classNames: ['only'],
      transforms: [randomHorizontalFlip({ p: 0.25 }), randomCrop({ padding: 1 })],
    });
    const pixels = await imagesOf(new sg.data.DataLoader(dataset, { batchSize: count, seed: 1 }));
    const shifts = Array<number>(9).fill(0);
    let flips = 0;
    for (let i = 0; i < count; i++) {
      const image = pixels.slice(25 * i, 25 * i + 25);
      const at = image.indexOf(1);
      const [h, w] = [Math.floor(at / 5), at % 5];
      shifts[(h - 1) * 3 + w - 1]!++;
      flips += Number(Math.round(image[at - 1]! * 255) === 128);
    }
    for (const n of shifts) expect(Math.abs(n - count / 9)).toBeLessThan(60); // 4 deviations
    expect(Math.abs(flips - count / 4)).toBeLessThan(80);
    dataset.dispose();
  });

  test('are left out for test images, but not sizes', () => {
    const size = randomCrop({ size: [4, 5], padding: 1 });
    const normal = normalize({ mean: [0], std: [1] });
    const list = [resize(6), size, crop, flip, jitter, lighting(), cutout(2), normal];
    expect(withoutRandom(list)).toEqual([resize(6), centerCrop([4, 5]), normal]);
  });
});

describe('apply', () => {
  test('puts a batch of floats through, as a data set does its bytes', async () => {
    const list = [resize(11), randomCrop({ size: 8 }), flip, jitter, lighting(), cutout(3)];
    const dataset = datasetOf([3, 9, 14], 4, list);
    const generator = new sg.Generator(SEED);
    const data = Float32Array.from(dataset.images, (byte) => byte / 255);
    const x = sg.tensor(data, { shape: [4, 3, 9, 14] });
    const y = apply(x, list, generator);
    const expected = await imagesOf(new sg.data.DataLoader(dataset, { batchSize: 4, seed: SEED }));
    expect(y.shape).toEqual([4, 3, 8, 8]);
    expectClose(await y.data(), expected, { absolute: 2e-6 });
    const colors = [colorJitter({ contrast: 1 }), normalize({ mean: [0, 0, 0], std: [2, 2, 2] })];
    const z = apply(x, colors, generator);
    expect(generator.state.offset).toBe(2);
    const [image] = [0].map((n) =>
      transformed(
        { channels: 3, height: 9, width: 14, data: [...data.subarray(0, 378)] },
        colors,
        n,
        { seed0: SEED, seed1: 0, offset: 1 },
      ),
    );
    expectClose((await z.data()).subarray(0, 378), image!.data, { absolute: 2e-6 });
    for (const t of [x, y, z]) t.dispose();
    dataset.dispose();
  });

  test('draws anew at each replay of a capture', async () => {
    const x = sg.tensor(uniform(2 * 3 * 64, 1, 0, 1), { shape: [2, 3, 8, 8] });
    const list = [crop, flip, jitter, lighting(), cutout(3)];
    const step = sg.capture((batch: sg.Tensor) => apply(batch, list));
    const plain: number[][] = [];
    const captured: number[][] = [];
    sg.manualSeed(8);
    for (let i = 0; i < 4; i++) captured.push([...(await step(x).data())]);
    sg.manualSeed(8);
    for (let i = 0; i < 4; i++) {
      const y = apply(x, list);
      plain.push([...(await y.data())]);
      y.dispose();
    }
    expect(captured).toEqual(plain);
    expect(plain[1]).not.toEqual(plain[0]);
    step.dispose();
    x.dispose();
  });

  test('gives back what it took', async () => {
    const x = sg.ones([2, 3, 8, 8]);
    await x.data();
    const before = sg.memory().bytesInUse;
    apply(x, [resize(20), jitter, lighting(), cutout(3)]).dispose();
    expect(sg.memory().bytesInUse).toBe(before);
    x.dispose();
  });

  test('refuses what is no batch of images', () => {
    const x = sg.ones([3, 8, 8]);
    expect(() => apply(x, [flip])).toThrow('transforms.apply: expected x (N, C, H, W) of f32');
    x.dispose();
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
      ...{ images: new Uint8Array(1), labels: new Uint8Array(1), classNames: ['only'] },
      ...{ imageShape: [1, 1, 1] as const, transforms: [normal] },
    };
    const both = { ...options, normalization: { mean: [0], std: [1] } };
    expect(() => new sg.data.ImageDataset(both)).toThrow(sg.ArgumentError);
    expect(() => datasetOf([3, 2, 2], 1, [normal])).toThrow('for each of 3 channels');
  });
});

test('one dispatch a batch, or one for each piece of a data set that no binding holds', async () => {
  const shape = [3, 5, 3] as const; // 45 bytes
  const transforms = [resize([7, 6]), crop, flip, cutout(2)];
  const { queue } = currentDevice();
  const batches = async () => {
    const dataset = datasetOf(shape, 23, transforms);
    const order = new sg.data.Subset(dataset, [22, 0, 5, 6, 11, 4, 17, 16, 16, 1, 21, 10]);
    const seen = [];
    const before = queue.dispatches;
    for (const [x, y] of new sg.data.DataLoader(order, { batchSize: 2, seed: 2 }))
      seen.push([Array.from(await x!.data()), Array.from(await y!.data())]);
    dataset.dispose();
    return { seen, dispatches: queue.dispatches - before };
  };
  const whole = await batches();
  expect(whole.dispatches).toBe(6);
  const pieces = await withBindingLimit(1024, batches); // room for 22 images
  expect(pieces.dispatches).toBe(12);
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
  ['no pixels', () => resize(0), 'resize: expected a size of whole pixels'],
  ['half a side', () => resizeWithPad([3, 1.5]), 'resizeWithPad: expected a size of whole pixels'],
  ['a negative side', () => centerCrop(-1), 'centerCrop: expected a size of whole pixels'],
  ['a crop of nothing', () => randomCrop({ size: 0 }), 'randomCrop: expected a size'],
  [
    'another mode',
    () => resize(3, { mode: 'cubic' as 'nearest' }),
    "'bilinear' or 'nearest', got cubic",
  ],
  ['a negative factor', () => colorJitter({ contrast: -1 }), 'contrast of 0 or more'],
  ['a range that is none', () => colorJitter({ saturation: [2, 1] }), 'got 2,1'],
  ['more than half a turn', () => colorJitter({ hue: 0.6 }), 'hue of 0 to 0.5'],
  ['a negative deviation', () => lighting({ std: -1 }), 'lighting: expected std of 0 or more'],
  ['two eigenvalues', () => lighting({ eigenvalues: [1, 2] }), '3 eigenvalues and 3 rows of 3'],
  ['a hole of half pixels', () => cutout(1.5), 'cutout: expected a size'],
  [
    'a piece that is too large',
    () => datasetOf([1, 4, 4], 1, [randomCrop({ padding: 1, size: 7 })]),
    'ImageDataset: expected images that a piece of 7 x 7 can be cut from (randomCrop), got 4 x 4 with a padding of 1',
  ],
  [
    'lighting of grey',
    () => datasetOf([1, 4, 4], 1, [lighting()]),
    'expected images of 3 channels (lighting), got 1',
  ],
  [
    'jitter of two channels',
    () => datasetOf([2, 4, 4], 1, [jitter]),
    'expected images of 1 or 3 channels (colorJitter), got 2',
  ],
  [
    'a fill of other channels',
    () => datasetOf([1, 4, 4], 1, [cutout(2, { fill: [1, 2] })]),
    'a fill for each of 1 channels',
  ],
])('refuses %s', (_, make, message) => {
  expect(make).toThrow(sg.ArgumentError);
  expect(make).toThrow(message);
});
