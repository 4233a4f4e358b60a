import fc from 'fast-check';
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { broadcastPairs } from '../reference/broadcast.js';
import { crossEntropy, nllLoss } from '../reference/crossEntropy.js';
import { ELEMENT_LOSSES, logisticLoss, reduceLosses } from '../reference/elementLoss.js';
import { reduceOver, sum } from '../reference/reduce.js';
import { logSoftmax, softmax } from '../reference/softmax.js';
import {
  dimWithin,
  input,
  longShapes,
  numbers,
  property,
  resolve,
  shapes,
  SOME,
  type Numbers,
} from '../support/arbitraries.js';
import { checkOp, type OpInput } from '../support/checkOp.js';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/random.js';

const F = sg.nn.functional;

const reductions = fc.constantFrom('mean' as const, 'sum' as const, 'none' as const);

const rows = fc
  .oneof(
    { weight: 3, arbitrary: shapes({ minRank: 1, maxRank: 4, sizes: SOME }) },
    { weight: 1, arbitrary: longShapes },
  )
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      dim: dimWithin(shape.length),
      x: numbers('plain', 'ties', 'outliers'),
    }),
  );

property(
  'softmax and logSoftmax have the values and gradients of the reference',
  fc.record({ name: fc.constantFrom('softmax' as const, 'logSoftmax' as const), of: rows }),
  ({ name, of: { shape, dim, x } }) => {
    const at = resolve(dim, shape.length);
    return checkOp({
      inputs: [input(shape, x)],
      op: (x) => x[name](dim),
      reference: (x) => (name === 'softmax' ? softmax(x, at) : logSoftmax(x, at)),
      samples: 8,
      step: 1e-3,
      gradient: { absolute: 1e-4, relative: 2e-4 },
      random: true,
      f16: x.kind === 'outliers' ? false : 1e-2,
    });
  },
  35,
);

property(
  'softmax sums to 1, and a shift changes nothing',
  fc.record({ of: rows, shift: fc.constantFrom(0, 8, -4096) }),
  async ({ of: { shape, dim, x }, shift }) => {
    const whole = sg.tensor(input(shape, x).data.map(Math.round), { shape });
    const y = whole.softmax(dim);
    const sums = reduceOver(
      { shape, data: Float64Array.from(await y.data()) },
      [resolve(dim, shape.length)],
      false,
      sum,
    );
    expectClose(sums.data, new Float64Array(sums.data.length).fill(1), { absolute: 1e-5 });
    expectClose(await whole.add(shift).softmax(dim).data(), await y.data(), { absolute: 1e-6 });
  },
  15,
);

interface Classes {
  n: number;
  c: number;
  rest: number[];
  target: 'indices' | 'probabilities';
  weight: boolean;
  reduction: 'mean' | 'sum' | 'none';
  labelSmoothing: number;
  ignoreIndex: number;
  /** One row in so many is ignored, 0 for none. */
  ignored: number;
  x: Numbers;
}

const classes: fc.Arbitrary<Classes> = fc.record({
  n: fc.integer({ min: 1, max: 9 }),
  c: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 11 }) },
    { weight: 1, arbitrary: fc.integer({ min: 12, max: 700 }) },
  ),
  rest: shapes({ maxRank: 2, sizes: SOME, maxNumel: 10 }),
  target: fc.constantFrom('indices', 'probabilities'),
  weight: fc.boolean(),
  reduction: reductions,
  labelSmoothing: fc.constantFrom(0, 0.1, 1),
  ignoreIndex: fc.constantFrom(-100, 0),
  ignored: fc.constantFrom(0, 2, 3),
  x: numbers('plain', 'ties', 'outliers'),
});

/** Class indices in turn, some of them ignored. */
function indices({ n, c, rest, ignoreIndex, ignored }: Classes): OpInput {
  const count = rest.reduce((a, b) => a * b, n);
  const data = Int32Array.from({ length: count }, (_, i) =>
    ignored > 0 && i % ignored === 1 ? ignoreIndex : (i * 7 + 1) % c,
  );
  return { shape: [n, ...rest], data };
}

/** The mean of no rows is NaN: a difference of it says nothing of the gradient. */
function slopes(drawn: Classes): boolean {
  const { target, reduction, ignoreIndex } = drawn;
  if (target === 'probabilities' || reduction !== 'mean') return true;
  return indices(drawn).data.some((k) => k !== ignoreIndex);
}

const weightOf = ({ c }: Classes): OpInput => ({
  shape: [c],
  data: uniform(c, 9, 0.5, 2),
  grad: false,
});

property(
  'crossEntropy of any options has the values and gradients of the reference',
  classes,
  (drawn) => {
    const { n, c, rest, target, weight, x, reduction, labelSmoothing, ignoreIndex } = drawn;
    const shape = [n, c, ...rest];
    const byIndex = target === 'indices';
    const share = input(shape, { kind: 'positive', seed: x.seed }, 1);
    const options = { reduction, labelSmoothing, ignoreIndex };
    return checkOp({
      inputs: [
        { ...input(shape, x), grad: slopes(drawn) },
        byIndex ? indices(drawn) : { ...share, data: share.data.map((p) => p / c) as Float32Array },
        ...(weight ? [weightOf(drawn)] : []),
      ],
      op: (logits, target, weight) => F.crossEntropy(logits, target!, { ...options, weight }),
      reference: (logits, target, weight) => crossEntropy(logits, target!, weight, options),
      samples: 6,
      step: 1e-3,
      gradient: { absolute: 1e-4, relative: 2e-4 },
      random: true,
      f16: x.kind === 'outliers' ? false : 1e-2,
    });
  },
  40,
);

property(
  'nllLoss has the values and gradients of the reference, and after logSoftmax is crossEntropy',
  classes.map((drawn): Classes => ({ ...drawn, target: 'indices', labelSmoothing: 0 })),
  async (drawn) => {
    const { n, c, rest, weight, x, reduction, ignoreIndex } = drawn;
    const shape = [n, c, ...rest];
    const options = { reduction, ignoreIndex };
    await checkOp({
      inputs: [
        { ...input(shape, x), grad: slopes(drawn) },
        indices(drawn),
        ...(weight ? [weightOf(drawn)] : []),
      ],
      op: (logP, target, weight) => F.nllLoss(logP, target!, { ...options, weight }),
      reference: (logP, target, weight) => nllLoss(logP, target!, weight, options),
      samples: 6,
      step: 0.5,
      random: true,
      f16: x.kind === 'outliers' ? false : undefined,
    });
    const logits = sg.tensor(input(shape, x).data, { shape });
    const target = sg.tensor(indices(drawn).data, { shape: [n, ...rest] });
    const [one, two] = [
      F.crossEntropy(logits, target, options),
      F.nllLoss(logits.logSoftmax(1), target, options),
    ];
    expectClose(await one.data(), await two.data(), { absolute: 1e-5 });
  },
  25,
);

const ELEMENT_NAMES = ['mseLoss', 'l1Loss', 'smoothL1Loss', 'huberLoss'] as const;

property(
  'losses by element have the values and gradients of the reference',
  fc.record({
    name: fc.constantFrom(...ELEMENT_NAMES),
    shape: fc.oneof({ weight: 4, arbitrary: shapes() }, { weight: 1, arbitrary: longShapes }),
    reduction: reductions,
    knee: fc.constantFrom(1, 0.3, 2.5),
    x: numbers('distinct'),
  }),
  ({ name, shape, reduction, knee, x }) => {
    const target = input(shape, { ...x, seed: x.seed + 1 });
    return checkOp({
      // Targets off the values of x, and both off the knees.
      inputs: [
        input(shape, x),
        { shape, data: target.data.map((value) => value + 0.04) as Float32Array },
      ],
      op: (x, t) => F[name](x, t!, { reduction, beta: knee, delta: knee }),
      reference: (x, t) =>
        reduceLosses(x, reduction, (value, i) => ELEMENT_LOSSES[name](value, t!.data[i]!, knee)),
      samples: 8,
      step: 1e-3,
      gradient: { relative: 2e-4 },
      random: true,
      f16: false,
    });
  },
  40,
);

property(
  'binaryCrossEntropyWithLogits has the values and gradients of the reference',
  shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      weight: fc.option(fc.nat(shape.length), { nil: undefined }),
      posWeight: fc.option(fc.nat(shape.length), { nil: undefined }),
      reduction: reductions,
      x: numbers('plain', 'ties', 'outliers'),
    }),
  ),
  ({ shape, weight, posWeight, reduction, x }) => {
    const weights = Object.entries({ weight, posWeight }).flatMap(([name, dropped]) =>
      dropped === undefined ? [] : [{ name, shape: shape.slice(dropped) }],
    );
    return checkOp({
      inputs: [
        input(shape, x),
        { shape, data: uniform(input(shape, x).data.length, 5, 0, 1) },
        ...weights.map(({ shape }, i) => ({
          ...input(shape, { kind: 'positive', seed: x.seed }, 2 + i),
          grad: false,
        })),
      ],
      op: (x, t, ...given) =>
        F.binaryCrossEntropyWithLogits(x, t!, {
          reduction,
          ...Object.fromEntries(weights.map(({ name }, i) => [name, given[i]])),
        }),
      reference: (x, t, ...given) => {
        const full = weights.map((_, i) => broadcastPairs(x, given[i]!, (_, w) => w).data);
        const of = (name: string, i: number): number =>
          full[weights.findIndex((entry) => entry.name === name)]?.[i] ?? 1;
        return reduceLosses(x, reduction, (value, i) =>
          logisticLoss(value, t!.data[i]!, of('weight', i), of('posWeight', i)),
        );
      },
      samples: 8,
      step: 1e-3,
      gradient: { absolute: 1e-4, relative: 2e-4 },
      random: true,
      f16: x.kind === 'outliers' ? false : 1e-2,
    });
  },
  30,
);

property(
  'oneHot has a 1 at each index',
  fc.record({ shape: shapes({ maxNumel: 60 }), c: fc.integer({ min: 1, max: 9 }) }),
  async ({ shape, c }) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const index = Int32Array.from({ length: count }, (_, i) => (i * 5) % c);
    const y = F.oneHot(sg.tensor(index, { shape }), c);
    expect(y.shape).toEqual([...shape, c]);
    const expected = [...index].flatMap((k) =>
      Array.from({ length: c }, (_, j) => Number(j === k)),
    );
    expect([...(await y.data())]).toEqual(expected);
  },
  10,
);
