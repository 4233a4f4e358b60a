import fc from 'fast-check';
import type * as sg from 'shadegrad';
import { expect } from 'vitest';
import { at, build, cumsum, replaced } from '../reference/indexing.js';
import { mean, norm, product, reduceOver, sum, variance } from '../reference/reduce.js';
import {
  dimsWithin,
  dimWithin,
  input,
  longShapes,
  numbers,
  property,
  referenceOf,
  resolve,
  shapes,
  SOME,
  tensorOf,
  type Kind,
} from '../support/arbitraries.js';
import { checkOp } from '../support/checkOp.js';
import { expectClose } from '../support/compare.js';

interface Options {
  dim: number[] | undefined;
  keepdim: boolean;
  correction: number;
  p: number;
}

interface ReductionFunction {
  name: string;
  op: (x: sg.Tensor, options: Options) => sg.Tensor;
  f: (elements: number[], options: Options) => number;
  /** With a gradient. */
  kinds: Kind[];
  /** Whether it needs an element. */
  chooses?: boolean;
}

const anything: Kind[] = ['plain', 'ties', 'outliers', 'small'];
const sizes = (elements: number[]): number[] => elements.map(Math.abs);

const REDUCTIONS: ReductionFunction[] = [
  { name: 'sum', op: (x, { dim, keepdim }) => x.sum(dim, keepdim), f: sum, kinds: anything },
  { name: 'mean', op: (x, { dim, keepdim }) => x.mean(dim, keepdim), f: mean, kinds: anything },
  {
    name: 'prod',
    op: (x, { dim, keepdim }) => x.prod(dim, keepdim),
    f: product,
    kinds: ['nearOne', 'ties'],
  },
  {
    name: 'max',
    op: (x, { dim, keepdim }) => x.max(dim, keepdim),
    f: (elements) => elements.reduce((a, b) => Math.max(a, b), -Infinity),
    kinds: ['distinct'],
    chooses: true,
  },
  {
    name: 'min',
    op: (x, { dim, keepdim }) => x.min(dim, keepdim),
    f: (elements) => elements.reduce((a, b) => Math.min(a, b), Infinity),
    kinds: ['distinct'],
    chooses: true,
  },
  {
    name: 'variance',
    op: (x, { dim, ...options }) => x.variance(dim, options),
    f: (elements, { correction }) => spread(elements, correction),
    kinds: ['plain', 'outliers', 'shifted'],
  },
  {
    name: 'std',
    op: (x, { dim, ...options }) => x.std(dim, options),
    f: (elements, { correction }) => Math.sqrt(spread(elements, correction)),
    kinds: ['distinct'],
  },
  {
    name: 'norm',
    op: (x, { p, dim, keepdim }) => x.norm(p, dim, keepdim),
    f: (elements, { p }) => norm(elements, p),
    kinds: ['distinct'],
    chooses: true,
  },
];

/** With a divisor of 0 or more. */
function spread(elements: number[], correction: number): number {
  const m = Math.max(0, elements.length - correction);
  return variance(elements, elements.length - m);
}

/** All dimensions where `dim` is undefined or empty. */
function dimsOf(shape: readonly number[], dim: number[] | undefined): number[] {
  if (!dim?.length) return shape.map((_, d) => d);
  return dim.map((d) => resolve(d, shape.length));
}

const cases = (kinds: (entry: ReductionFunction) => Kind[]) =>
  fc.constantFrom(...REDUCTIONS).chain((entry) =>
    fc
      .oneof(
        { weight: 4, arbitrary: shapes(entry.chooses ? { sizes: SOME } : {}) },
        { weight: 1, arbitrary: longShapes },
      )
      .chain((shape) =>
        fc.record({
          name: fc.constant(entry.name),
          shape: fc.constant(shape),
          x: numbers(...kinds(entry)),
          dim: fc.option(dimsWithin(shape.length, 1), { nil: undefined }),
          keepdim: fc.boolean(),
          correction: fc.constantFrom(0, 1),
          p: fc.constantFrom(2, 1, Infinity),
        }),
      ),
  );

property(
  'reductions over any dimensions have the values and gradients of the reference',
  cases(({ kinds }) => kinds),
  ({ name, shape, x, ...options }) => {
    const { op, f } = REDUCTIONS.find((entry) => entry.name === name)!;
    const { data } = input(shape, x);
    const dims = dimsOf(shape, options.dim);
    const count = dims.reduce((n, d) => n * shape[d]!, 1);
    // std has no slope at one value, nor a norm at 0, which the reference would not say.
    const pointed = name === 'std' && count <= 2;
    return checkOp({
      inputs: [{ shape, data, grad: !pointed }],
      op: (x) => op(x, options),
      reference: (x) => reduceOver(x, dims, options.keepdim, (elements) => f(elements, options)),
      samples: 8,
      step: 1e-3,
      forward: { relative: 1e-5, absolute: 1e-6 },
      gradient: { relative: 3e-4 },
      random: true,
      f16: false,
    });
  },
  100,
);

property(
  'reductions of infinities, NaN and ties are those of the reference',
  cases(() => ['special', 'ties']),
  async ({ name, shape, x, ...options }) => {
    const { op, f } = REDUCTIONS.find((entry) => entry.name === name)!;
    const expected = reduceOver(
      referenceOf(shape, x),
      dimsOf(shape, options.dim),
      options.keepdim,
      (elements) => Math.fround(withInfinities(name, elements, options, f)),
    );
    const y = op(tensorOf(shape, x), options);
    expect(y.shape).toEqual([...expected.shape]);
    expectClose(await y.data(), expected.data, { relative: 1e-5 });
  },
  60,
);

/** The largest of nothing but NaN is NaN, also by size. */
function withInfinities(
  name: string,
  elements: number[],
  options: Options,
  f: ReductionFunction['f'],
): number {
  const chosen = ['max', 'min'].includes(name) || (name === 'norm' && options.p === Infinity);
  if (chosen && elements.some(Number.isNaN)) return NaN;
  return f(name === 'norm' ? sizes(elements) : elements, options);
}

property(
  'argmax and argmin are the first of equals, NaN before all',
  fc
    .oneof(
      { weight: 4, arbitrary: shapes({ minRank: 1, sizes: SOME }) },
      { weight: 1, arbitrary: longShapes },
    )
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        x: numbers('ties', 'special', 'plain'),
        name: fc.constantFrom('argmax', 'argmin'),
        dim: fc.option(dimWithin(shape.length), { nil: undefined }),
        keepdim: fc.boolean(),
      }),
    ),
  async ({ shape, x, name, dim, keepdim }) => {
    const first = (elements: number[]): number => {
      const best = elements.reduce((a, b) => (name === 'argmax' ? Math.max(a, b) : Math.min(a, b)));
      return elements.findIndex((value) => value === best || Number.isNaN(value));
    };
    const dims = dimsOf(shape, dim === undefined ? undefined : [dim]);
    const tensor = tensorOf(shape, x);
    const expected = reduceOver(referenceOf(shape, x), dims, keepdim, first);
    const y = tensor[name](dim, keepdim);
    expect(y.shape).toEqual([...expected.shape]);
    expect([...(await y.data())]).toEqual([...expected.data]);
    if (dim === undefined) return;
    const [values, indices] = tensor[name === 'argmax' ? 'maxWithIndices' : 'minWithIndices'](
      dim,
      keepdim,
    );
    expect([...(await indices.data())]).toEqual([...expected.data]);
    const extremes = tensor[name === 'argmax' ? 'max' : 'min'](dim, keepdim);
    expectClose(await values.data(), await extremes.data());
  },
  50,
);

property(
  'any and all are those of the reference',
  shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      x: numbers('ties', 'special'),
      name: fc.constantFrom('any', 'all'),
      dim: fc.option(dimsWithin(shape.length, 1), { nil: undefined }),
      keepdim: fc.boolean(),
    }),
  ),
  async ({ shape, x, name, dim, keepdim }) => {
    // NaN counts as true.
    const truth = (elements: number[]): number =>
      Number(name === 'any' ? elements.some((v) => v !== 0) : elements.every((v) => v !== 0));
    const expected = reduceOver(referenceOf(shape, x), dimsOf(shape, dim), keepdim, truth);
    const y = tensorOf(shape, x)[name](dim, keepdim);
    expect(y.shape).toEqual([...expected.shape]);
    expect([...(await y.data())].map(Number)).toEqual([...expected.data]);
  },
  25,
);

const cumulative = (kinds: Kind[]) =>
  fc.oneof(shapes({ minRank: 1 }), longShapes).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      x: numbers(...kinds),
      dim: dimWithin(shape.length),
    }),
  );

property(
  'cumsum has the values and gradients of the reference',
  cumulative(anything),
  ({ shape, x, dim }) =>
    checkOp({
      inputs: [input(shape, x)],
      op: (x) => x.cumsum(dim),
      reference: (x) => cumsum(x, resolve(dim, shape.length)),
      samples: shape.some((size) => size > 7) ? 2 : 8,
      step: 0.5,
      random: true,
      f16: false,
    }),
  25,
  6,
);

property(
  'the last of a cumsum is the sum, and each step one element',
  cumulative(['ties']),
  async ({ shape, x, dim }) => {
    const d = resolve(dim, shape.length);
    const y = tensorOf(shape, x).cumsum(dim);
    const sums = { shape, data: Float64Array.from(await y.data()) };
    const steps = build(shape, (index) => {
      const before = index[d]! > 0 ? at(sums, replaced(index, d, index[d]! - 1)) : 0;
      return at(sums, index) - before;
    });
    expect([...steps.data].map((v) => v + 0)).toEqual(
      [...referenceOf(shape, x).data].map((v) => v + 0),
    );
  },
  20,
);
