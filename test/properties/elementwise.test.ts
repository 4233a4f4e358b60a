import fc from 'fast-check';
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { gelu, geluTanh, sigmoid, softplus } from '../reference/activations.js';
import { broadcastPairs } from '../reference/broadcast.js';
import {
  broadcastShapes,
  fill,
  input,
  numbers,
  property,
  referenceOf,
  shapes,
  tensorOf,
  type Kind,
} from '../support/arbitraries.js';
import { checkOp } from '../support/checkOp.js';
import { withBindingLimit } from '../support/limits.js';

type BinaryName =
  'add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum' | 'minimum' | 'remainder' | 'fmod';

interface BinaryFunction {
  name: BinaryName;
  f: (a: number, b: number) => number;
  /** Of a and b; those of b are multiplied by 1.0625, so that none is a tie. Null: no gradient. */
  kinds: [a: Kind[], b: Kind[]] | null;
}

const remainder = (a: number, b: number): number => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
};

/** As IEEE 754 has it: JavaScript's differs at a base of 1 or -1. */
const power = (a: number, b: number): number => {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
};

const REMAINDERS: readonly BinaryName[] = ['remainder', 'fmod'];
const anything: Kind[] = ['plain', 'ties', 'outliers', 'small'];

const BINARY: BinaryFunction[] = [
  { name: 'add', f: (a, b) => a + b, kinds: [anything, anything] },
  { name: 'sub', f: (a, b) => a - b, kinds: [anything, anything] },
  { name: 'mul', f: (a, b) => a * b, kinds: [anything, anything] },
  { name: 'div', f: (a, b) => a / b, kinds: [anything, ['positive']] },
  { name: 'pow', f: power, kinds: [['positive'], ['plain', 'ties']] },
  { name: 'maximum', f: Math.max, kinds: [['distinct'], ['distinct']] },
  { name: 'minimum', f: Math.min, kinds: [['distinct'], ['distinct']] },
  { name: 'remainder', f: remainder, kinds: null },
  { name: 'fmod', f: (a, b) => a % b, kinds: null },
];

const smooth = BINARY.filter(({ kinds }) => kinds);

property(
  'functions of two tensors that broadcast have the values and gradients of the reference',
  fc.constantFrom(...smooth).chain(({ name, kinds }) =>
    fc.record({
      name: fc.constant(name),
      shapes: broadcastShapes(2),
      a: numbers(...kinds![0]),
      b: numbers(...kinds![1]),
    }),
  ),
  ({ name, shapes, a, b }) => {
    const { f } = BINARY.find((entry) => entry.name === name)!;
    const [first, second] = [input(shapes[0]!, a), input(shapes[1]!, b, 1)];
    return checkOp({
      inputs: [first, { ...second, data: second.data.map((x) => x * 1.0625) as Float32Array }],
      op: (x, y) => x[name](y),
      reference: (x, y) => broadcastPairs(x, y, f),
      samples: 8,
      step: ['add', 'sub', 'mul'].includes(name) ? 0.5 : 1e-3,
      gradient: { relative: 2e-4 },
      random: true,
      f16: [a.kind, b.kind].some((kind) => ['outliers', 'small'].includes(kind)) ? false : 1e-2,
    });
  },
  90,
);

property(
  'functions of long tensors that broadcast are right where a binding holds a part of them',
  fc.record({
    name: fc.constantFrom(...smooth.map(({ name }) => name)),
    sizes: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
    broadcast: fc.constantFrom('none', 'rows', 'columns'),
    bytes: fc.constantFrom(2048, 1024),
    seed: fc.nat(999),
  }),
  ({ name, sizes: [rows, columns], broadcast, bytes, seed }) => {
    const { f, kinds } = BINARY.find((entry) => entry.name === name)!;
    const [kind, other] = [kinds![0][0]!, kinds![1][0]!];
    const shape = { none: [rows, columns], rows: [columns], columns: [rows, 1] }[broadcast]!;
    const second = input(shape, { kind: other, seed }, 1);
    return withBindingLimit(bytes, () =>
      checkOp({
        inputs: [
          input([rows, columns], { kind, seed }),
          { ...second, data: second.data.map((x) => x * 1.0625) as Float32Array },
        ],
        op: (x, y) => x[name](y),
        reference: (x, y) => broadcastPairs(x, y, f),
        samples: 6,
        step: 1e-3,
        gradient: { relative: 2e-4 },
        random: true,
        f16: 1e-2,
      }),
    );
  },
  20,
);

property(
  'functions of two tensors are those of JavaScript at infinities, NaN and zeros',
  fc.record({
    name: fc.constantFrom(...BINARY.map(({ name }) => name)),
    shapes: broadcastShapes(2),
    a: numbers('special'),
    b: numbers('special'),
  }),
  async ({ name, shapes: [aShape, bShape], a, b }) => {
    const { f } = BINARY.find((entry) => entry.name === name)!;
    const other = { ...b, seed: b.seed + 1000 };
    const y = tensorOf(aShape!, a)[name](tensorOf(bShape!, other));
    const calls: string[] = [];
    const expected = broadcastPairs(
      referenceOf(aShape!, a),
      referenceOf(bShape!, other),
      (a, b) => {
        // Of a large quotient little is left but what a was rounded by.
        const lost = b !== 0 && Math.abs(a / b) > 1e5 && Math.abs(a) < Infinity;
        calls.push(REMAINDERS.includes(name) && lost ? '' : `${name}(${a}, ${b})`);
        return f(a, b);
      },
    );
    expect(y.shape).toEqual(expected.shape);
    await expectSame(y, expected.data, calls);
  },
  90,
);

interface UnaryFunction {
  name: string;
  op: (x: sg.Tensor) => sg.Tensor;
  f: (x: number) => number;
  /** With a gradient; the first is plain if none are given. */
  kinds?: Kind[];
}

const roundToEven = (x: number): number => {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
};

const within = (low: number, high: number) => (x: number) =>
  Number.isNaN(x) ? x : Math.min(Math.max(x, low), high);

const UNARY: UnaryFunction[] = [
  { name: 'neg', op: (x) => x.neg(), f: (x) => -x, kinds: anything },
  { name: 'abs', op: (x) => x.abs(), f: Math.abs, kinds: ['distinct'] },
  { name: 'sign', op: (x) => x.sign(), f: (x) => Math.sign(x) || 0, kinds: ['distinct'] },
  { name: 'floor', op: (x) => x.floor(), f: Math.floor, kinds: ['distinct'] },
  { name: 'ceil', op: (x) => x.ceil(), f: Math.ceil, kinds: ['distinct'] },
  { name: 'round', op: (x) => x.round(), f: roundToEven, kinds: ['distinct'] },
  { name: 'exp', op: (x) => x.exp(), f: Math.exp },
  { name: 'log', op: (x) => x.log(), f: Math.log, kinds: ['positive'] },
  { name: 'sqrt', op: (x) => x.sqrt(), f: Math.sqrt, kinds: ['positive'] },
  { name: 'rsqrt', op: (x) => x.rsqrt(), f: (x) => 1 / Math.sqrt(x), kinds: ['positive'] },
  { name: 'square', op: (x) => x.square(), f: (x) => x * x, kinds: anything },
  { name: 'reciprocal', op: (x) => x.reciprocal(), f: (x) => 1 / x, kinds: ['positive'] },
  { name: 'sin', op: (x) => x.sin(), f: Math.sin },
  { name: 'cos', op: (x) => x.cos(), f: Math.cos },
  { name: 'relu', op: (x) => x.relu(), f: within(0, Infinity), kinds: ['distinct'] },
  { name: 'relu6', op: (x) => x.relu6(), f: within(0, 6.0), kinds: ['distinct'] },
  { name: 'hardtanh', op: (x) => x.hardtanh(-2, 0.5), f: within(-2, 0.5), kinds: ['distinct'] },
  { name: 'clamp', op: (x) => x.clamp(-1, 2.5), f: within(-1, 2.5), kinds: ['distinct'] },
  {
    name: 'leakyRelu',
    op: (x) => x.leakyRelu(0.3),
    f: (x) => (x > 0 ? x : Math.fround(0.3) * x),
    kinds: ['distinct'],
  },
  { name: 'elu', op: (x) => x.elu(), f: (x) => (x > 0 ? x : Math.expm1(x)) },
  { name: 'gelu', op: (x) => x.gelu(), f: gelu },
  { name: 'geluTanh', op: (x) => x.gelu({ approximate: 'tanh' }), f: geluTanh },
  { name: 'silu', op: (x) => x.silu(), f: (x) => x * sigmoid(x) },
  { name: 'softplus', op: (x) => x.softplus(), f: softplus },
  { name: 'sigmoid', op: (x) => x.sigmoid(), f: sigmoid },
  { name: 'tanh', op: (x) => x.tanh(), f: Math.tanh },
];

/** Values at which functions jump, or whose limit the reference does not take. */
const NOT_AT: Record<string, (x: number) => boolean> = {
  gelu: (x) => x === -Infinity,
  geluTanh: (x) => Math.abs(x) === Infinity,
  silu: (x) => x === -Infinity,
};

property(
  'functions of a tensor have the values and gradients of the reference',
  fc
    .constantFrom(...UNARY)
    .chain(({ name, kinds = ['plain'] }) =>
      fc.record({ name: fc.constant(name), shape: shapes(), x: numbers(...kinds) }),
    ),
  ({ name, shape, x }) => {
    const { op, f } = UNARY.find((entry) => entry.name === name)!;
    const drawn = input(shape, x);
    // Off the whole numbers, where some jump.
    if (x.kind === 'distinct') drawn.data = drawn.data.map((value) => value + 0.0175);
    return checkOp({
      inputs: [drawn],
      op,
      reference: ({ shape, data }) => ({ shape, data: data.map(f) }),
      samples: 8,
      step: 1e-3,
      random: true,
      f16: ['outliers', 'small'].includes(x.kind) ? false : 1e-2,
    });
  },
  100,
);

property(
  'functions of a tensor are those of JavaScript at infinities, NaN and zeros',
  fc.record({
    name: fc.constantFrom(...UNARY.map(({ name }) => name)),
    shape: shapes({ maxNumel: 100 }),
    x: numbers('special'),
  }),
  async ({ name, shape, x }) => {
    const { op, f } = UNARY.find((entry) => entry.name === name)!;
    const data = fill(shape, x);
    const skipped = NOT_AT[name];
    if (skipped) data.forEach((value, i) => skipped(value) && (data[i] = 0));
    const calls = [...data].map((value) => `${name}(${value})`);
    await expectSame(op(sg.tensor(data, { shape })), Float64Array.from(data, f), calls);
  },
  100,
);

const COMPARISONS = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
} as const satisfies Record<string, (a: number, b: number) => boolean>;

property(
  'comparisons are those of JavaScript, and where() chooses by them',
  fc.record({
    name: fc.constantFrom(...(Object.keys(COMPARISONS) as (keyof typeof COMPARISONS)[])),
    shapes: broadcastShapes(2),
    a: numbers('ties', 'special'),
    b: numbers('ties', 'special'),
  }),
  async ({ name, shapes: [aShape, bShape], a, b }) => {
    const other = { ...b, seed: b.seed + 1000 };
    const [x, y] = [tensorOf(aShape!, a), tensorOf(bShape!, other)];
    const [p, q] = [referenceOf(aShape!, a), referenceOf(bShape!, other)];
    const truth = broadcastPairs(p, q, (a, b) => Number(COMPARISONS[name](a, b)));
    const condition = x[name](y);
    expect([...(await condition.data())].map(Number)).toEqual([...truth.data]);
    const chosen = broadcastPairs(p, q, (a, b) => (COMPARISONS[name](a, b) ? a : b));
    expect(await sg.where(condition, x, y).data()).toEqual(Float32Array.from(chosen.data));
  },
  40,
);

/** Each element by itself, to four digits; `calls` say what made it, '' for any value. */
async function expectSame(
  y: sg.Tensor,
  expected: ArrayLike<number>,
  calls: readonly string[],
): Promise<void> {
  const got = await y.data();
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++) {
    const wanted = Math.fround(expected[i]!);
    const same = Object.is(got[i], wanted) || got[i] === wanted || calls[i] === '';
    if (!same && !(Math.abs(got[i]! - wanted) <= 1e-4 * Math.abs(wanted) + 1e-7))
      expect.fail(`expected ${calls[i]} to be ${wanted}, got ${got[i]}`);
  }
}
