import fc from 'fast-check';
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { localResponseNorm } from '../reference/localResponseNorm.js';
import {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dIndices,
  avgPool2d,
  maxPool2d,
  maxPool2dIndices,
} from '../reference/pool2d.js';
import {
  fill,
  input,
  numbers,
  property,
  referenceOf,
  shapes,
  SOME,
  tensorOf,
} from '../support/arbitraries.js';
import { checkOp } from '../support/checkOp.js';
import { expectClose } from '../support/compare.js';

const F = sg.nn.functional;

type Two = readonly [height: number, width: number];

interface Pool {
  leading: number[];
  size: Two;
  kernelSize: Two;
  stride: Two | undefined;
  padding: Two | 'same';
  dilation: Two;
  ceilMode: boolean;
}

const pair = (min: number, max: number): fc.Arbitrary<Two> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

const leading = shapes({ minRank: 1, maxRank: 2, sizes: SOME, maxNumel: 6 });
const planes = fc.oneof(
  pair(1, 9),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 67 })),
);

/** Windows that fit, with padding of half a window at most. */
const pools = (mostDilation: number): fc.Arbitrary<Pool> =>
  fc
    .record({
      leading,
      size: planes,
      kernelSize: fc.oneof(fc.constant<Two>([2, 2]), pair(1, 5)),
      stride: fc.option(pair(1, 4), { nil: undefined }),
      padding: fc.oneof(fc.constant<Two>([0, 0]), pair(0, 4), fc.constant('same' as const)),
      dilation: fc.oneof(fc.constant<Two>([1, 1]), pair(1, mostDilation)),
      ceilMode: fc.boolean(),
    })
    .map((pool): Pool => {
      if (pool.padding === 'same') return pool;
      const [h, w] = pool.padding;
      const half = (d: 0 | 1): number =>
        Math.floor((pool.dilation[d] * (pool.kernelSize[d] - 1) + 1) / 2);
      return { ...pool, padding: [Math.min(h, half(0)), Math.min(w, half(1))] };
    })
    .filter(({ size, kernelSize, dilation, padding }) =>
      padding === 'same'
        ? true
        : ([0, 1] as const).every(
            (d) => dilation[d] * (kernelSize[d] - 1) + 1 <= size[d] + 2 * padding[d],
          ),
    );

property(
  'maxPool2d of any geometry has the values, indices and gradients of the reference',
  fc.record({ pool: pools(3), x: numbers('distinct', 'ties') }),
  async ({ pool: { leading, size, kernelSize, ...options }, x }) => {
    const shape = [...leading, ...size];
    const reference = referenceOf(shape, x);
    const full = { kernelSize, ...options };
    const [values, indices] = F.maxPool2dWithIndices(tensorOf(shape, x), kernelSize, options);
    const expected = maxPool2d(reference, full);
    expect(values.shape).toEqual([...expected.shape]);
    expectClose(await values.data(), expected.data, { absolute: 0, relative: 0 });
    expect([...(await indices.data())]).toEqual([...maxPool2dIndices(reference, full).data]);
    if (x.kind === 'ties' || expected.data.includes(-Infinity)) return;
    await checkOp({
      inputs: [input(shape, x)],
      op: (x) => F.maxPool2d(x, kernelSize, options),
      reference: (x) => maxPool2d(x, full),
      samples: 8,
      step: 1e-2,
      random: true,
    });
  },
  35,
);

property(
  'maxPool2d passes NaN on',
  fc.record({ pool: pools(2), x: numbers('special') }),
  async ({ pool: { leading, size, kernelSize, ...options }, x }) => {
    const shape = [...leading, ...size];
    const y = F.maxPool2d(tensorOf(shape, x), kernelSize, options);
    const expected = maxPool2d(referenceOf(shape, x), { kernelSize, ...options });
    expectClose(await y.data(), expected.data, { absolute: 0, relative: 0 });
  },
  15,
);

property(
  'avgPool2d of any geometry has the values and gradients of the reference',
  fc.record({
    pool: pools(1),
    countIncludePad: fc.option(fc.boolean(), { nil: undefined }),
    divisorOverride: fc.option(fc.constantFrom(1, 3, -2), { nil: undefined }),
    x: numbers('plain', 'ties', 'outliers'),
  }),
  ({ pool: { leading, size, kernelSize, stride, padding, ceilMode }, x, ...more }) => {
    const options = { stride, padding, ceilMode, ...more };
    return checkOp({
      inputs: [input([...leading, ...size], x)],
      op: (x) => F.avgPool2d(x, kernelSize, options),
      reference: (x) => avgPool2d(x, { kernelSize, ...options }),
      samples: 8,
      step: 0.5,
      random: true,
      f16: x.kind === 'outliers' ? false : undefined,
    });
  },
  35,
);

const adaptive = fc.record({
  leading,
  size: planes,
  outputSize: fc.oneof(fc.constant<Two>([1, 1]), pair(1, 11)),
});

property(
  'adaptive pools have the values, indices and gradients of the reference',
  fc.record({ pool: adaptive, x: numbers('distinct', 'ties') }),
  async ({ pool: { leading, size, outputSize }, x }) => {
    const shape = [...leading, ...size];
    const reference = referenceOf(shape, x);
    const [values, indices] = F.adaptiveMaxPool2dWithIndices(tensorOf(shape, x), outputSize);
    const expected = adaptiveMaxPool2d(reference, outputSize);
    expectClose(await values.data(), expected.data, { absolute: 0, relative: 0 });
    expect([...(await indices.data())]).toEqual([
      ...adaptiveMaxPool2dIndices(reference, outputSize).data,
    ]);
    const common = { inputs: [input(shape, x)], samples: 8, step: 1e-2, random: true };
    await checkOp({
      ...common,
      op: (x) => F.adaptiveAvgPool2d(x, outputSize),
      reference: (x) => adaptiveAvgPool2d(x, outputSize),
    });
    if (x.kind === 'ties') return;
    await checkOp({
      ...common,
      op: (x) => F.adaptiveMaxPool2d(x, outputSize),
      reference: (x) => adaptiveMaxPool2d(x, outputSize),
    });
  },
  25,
);

property(
  'localResponseNorm has the values and gradients of the reference',
  fc.record({
    shape: fc
      .record({
        n: fc.integer({ min: 1, max: 3 }),
        channels: fc.integer({ min: 1, max: 9 }),
        spatial: shapes({ minRank: 1, maxRank: 3, sizes: SOME, maxNumel: 40 }),
      })
      .map(({ n, channels, spatial }) => [n, channels, ...spatial]),
    size: fc.integer({ min: 1, max: 7 }),
    alpha: fc.constantFrom(1e-4, 0.5, 2),
    beta: fc.constantFrom(0.75, 0.5, 1),
    k: fc.constantFrom(1, 2, 0.5),
    x: numbers('plain', 'ties', 'outliers'),
  }),
  ({ shape, size, x, ...options }) =>
    checkOp({
      inputs: [{ shape, data: fill(shape, x) }],
      op: (x) => F.localResponseNorm(x, size, options),
      reference: (x) => localResponseNorm(x, size, options),
      samples: 8,
      step: 1e-3,
      gradient: { relative: 3e-4 },
      random: true,
      f16: x.kind === 'outliers' ? false : 1e-2,
    }),
  25,
);
