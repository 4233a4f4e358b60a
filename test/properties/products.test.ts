import fc from 'fast-check';
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { linear } from '../reference/linear.js';
import { matmul, permute } from '../reference/matmul.js';
import {
  input,
  numbers,
  property,
  shapes,
  SOME,
  tensorOf,
  type Kind,
  type Numbers,
} from '../support/arbitraries.js';
import { checkOp, type Reference } from '../support/checkOp.js';
import { expectClose } from '../support/compare.js';

const KINDS: Kind[] = ['plain', 'ties', 'outliers'];
const LINEAR = { step: 0.5, samples: 6, random: true } as const;

const f16 = ({ kind }: Numbers): false | undefined => (kind === 'outliers' ? false : undefined);

/** Mostly short, sometimes as long as several blocks. */
const length = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 1, arbitrary: fc.integer({ min: 10, max: 70 }) },
);

/** The leading dimensions of two operands, which broadcast. */
const batches = shapes({ maxRank: 3, sizes: SOME, maxNumel: 12 }).chain((batch) => {
  const part = fc
    .record({
      dropped: fc.nat(batch.length),
      ones: fc.array(fc.boolean(), { minLength: batch.length, maxLength: batch.length }),
    })
    .map(({ dropped, ones }) => batch.map((size, d) => (ones[d] ? 1 : size)).slice(dropped));
  return fc.record({ a: part, b: part });
});

const swapped = (x: Reference): Reference => {
  const rank = x.shape.length;
  return permute(x, [...Array.from({ length: rank - 2 }, (_, d) => d), rank - 1, rank - 2]);
};

property(
  'matmul of any batches, also transposed, has the values and gradients of the reference',
  fc
    .record({
      batches,
      ...{ m: length, k: length, n: length },
      transposed: fc.record({ a: fc.boolean(), b: fc.boolean() }),
      ...{ a: numbers(...KINDS), b: numbers('plain', 'ties') },
    })
    .filter(({ m, k, n }) => m * k * n <= 20_000),
  ({ batches, m, k, n, transposed, a, b }) => {
    const aShape = [...batches.a, ...(transposed.a ? [k, m] : [m, k])];
    const bShape = [...batches.b, ...(transposed.b ? [n, k] : [k, n])];
    return checkOp({
      inputs: [input(aShape, a), input(bShape, b, 1)],
      op: (x, y) =>
        (transposed.a ? x.transpose(-1, -2) : x).matmul(transposed.b ? y.transpose(-1, -2) : y),
      reference: (x, y) => matmul(transposed.a ? swapped(x) : x, transposed.b ? swapped(y) : y),
      ...LINEAR,
      f16: f16(a),
    });
  },
  40,
  8,
);

property(
  'products with vectors are those with a row or a column',
  fc.record({
    batch: shapes({ maxRank: 2, sizes: SOME, maxNumel: 10 }),
    ...{ m: length, k: length },
    ...{ a: numbers(...KINDS), b: numbers('plain', 'ties') },
    first: fc.boolean(),
  }),
  ({ batch, m, k, a, b, first }) => {
    const shape = [...batch, ...(first ? [k, m] : [m, k])];
    const without = (x: Reference): Reference => ({ ...x, shape: [...batch, m] });
    return checkOp({
      inputs: [input(shape, a), input([k], b, 1)],
      op: (x, v) => (first ? v.matmul(x) : x.matmul(v)),
      reference: (x, { data }) =>
        without(first ? matmul({ shape: [1, k], data }, x) : matmul(x, { shape: [k, 1], data })),
      ...LINEAR,
      f16: f16(a),
    });
  },
  20,
  6,
);

property(
  'linear has the values and gradients of the reference',
  fc.record({
    leading: shapes({ maxRank: 3, sizes: SOME, maxNumel: 60 }),
    ...{ inSize: length, outSize: length, bias: fc.boolean() },
    x: numbers(...KINDS),
  }),
  ({ leading, inSize, outSize, bias, x }) =>
    checkOp({
      inputs: [
        input([...leading, inSize], x),
        input([outSize, inSize], { kind: 'plain', seed: x.seed }, 1),
        ...(bias ? [input([outSize], { kind: 'plain', seed: x.seed }, 2)] : []),
      ],
      op: (x, weight, bias) => sg.nn.functional.linear(x, weight!, bias ?? null),
      reference: (x, weight, bias) => linear(x, weight!, bias),
      ...LINEAR,
      f16: f16(x),
    }),
  25,
  4,
);

property(
  'a product with the identity is the other operand, and products associate',
  fc.record({ b: fc.nat(4), m: length, k: length, n: length, x: numbers('plain', 'ties') }),
  async ({ b, m, k, n, x }) => {
    const a = tensorOf([b + 1, m, k], x);
    const same = async (y: sg.Tensor): Promise<void> =>
      expectClose(await y.data(), await a.data(), { absolute: 0, relative: 0 });
    await same(a.matmul(sg.eye(k)));
    await same(sg.eye(m).matmul(a));
    await same(a.bmm(sg.eye(k).expand([b + 1, k, k])));
    const c = tensorOf([k, n], { ...x, seed: x.seed + 1 });
    const d = tensorOf([n, m], { ...x, seed: x.seed + 2 });
    const left = await a.matmul(c).matmul(d).data();
    expectClose(left, await a.matmul(c.matmul(d)).data(), { absolute: 1e-5, relative: 1e-5 });
  },
  20,
  6,
);

property(
  'an empty dimension gives an empty product, or zeros',
  fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)).filter((sizes) => sizes.includes(0)),
  async ([b, m, k, n]) => {
    const y = sg.ones([b, m, k]).matmul(sg.ones([k, n]));
    expect(y.shape).toEqual([b, m, n]);
    expect([...(await y.data())]).toEqual(Array<number>(b * m * n).fill(k));
  },
  15,
  8,
);
