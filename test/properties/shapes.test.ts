import fc from 'fast-check';
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { numelOf } from '../../src/gpu/dtype.js';
import {
  at,
  build,
  flip,
  gather,
  indexSelect,
  pad,
  repeat,
  replaced,
  roll,
  sizeOf,
  sortedPositions,
} from '../reference/indexing.js';
import { permute } from '../reference/matmul.js';
import {
  dimsWithin,
  dimWithin,
  fill,
  input,
  numbers,
  permutations,
  property,
  resolve,
  shapes,
  SOME,
  type Numbers,
} from '../support/arbitraries.js';
import { checkOp, type Reference } from '../support/checkOp.js';
import { uniform } from '../support/random.js';

/** A tensor of either dtype, whose values nothing below changes. */
interface Drawn {
  shape: number[];
  dtype: 'f32' | 'i32';
  x: Numbers;
}

const drawn = (options: Parameters<typeof shapes>[0] = {}): fc.Arbitrary<Drawn> =>
  fc.record({
    shape: shapes(options),
    dtype: fc.constantFrom('i32' as const, 'f32' as const),
    x: numbers('distinct', 'ties'),
  });

/** Whole numbers for i32; for f32 fractions too. */
function valuesOf({ shape, dtype, x }: Drawn): Float32Array {
  return fill(shape, x).map((value) => (dtype === 'i32' ? Math.floor(8 * value) : value) + 0);
}

const tensorOf = (x: Drawn): sg.Tensor =>
  sg.tensor(valuesOf(x), { shape: x.shape, dtype: x.dtype });

const referenceOf = (x: Drawn): Reference => ({
  shape: x.shape,
  data: Float64Array.from(valuesOf(x)),
});

/** Without rounding. */
async function expectSame(y: sg.Tensor, { shape, data }: Reference): Promise<void> {
  expect(y.shape).toEqual([...shape]);
  expect([...(await y.data())].map((value) => value + 0)).toEqual([...data]);
}

/** With a second draw that depends on the shape. */
const drawnWith = <T>(
  more: (shape: number[]) => fc.Arbitrary<T>,
  options?: Parameters<typeof shapes>[0],
): fc.Arbitrary<[Drawn, T]> => drawn(options).chain((x) => fc.tuple(fc.constant(x), more(x.shape)));

property(
  'permute is the reference, and its inverse takes it back',
  drawnWith((shape) => permutations(shape.length)),
  async ([x, dims]) => {
    const y = tensorOf(x).permute(dims);
    await expectSame(y, permute(referenceOf(x), dims));
    await expectSame(y.permute(dims.map((_, d) => dims.indexOf(d))), referenceOf(x));
  },
  25,
);

property(
  'transpose is a permute, and twice nothing',
  drawnWith((shape) => fc.tuple(dimWithin(shape.length), dimWithin(shape.length)), { minRank: 1 }),
  async ([x, [a, b]]) => {
    const rank = x.shape.length;
    const [p, q] = [resolve(a, rank), resolve(b, rank)];
    const y = tensorOf(x).transpose(a, b);
    const dims = x.shape.map((_, d) => (d === p ? q : d === q ? p : d));
    await expectSame(y, permute(referenceOf(x), dims));
    await expectSame(y.transpose(a, b), referenceOf(x));
  },
  20,
);

property(
  'reshape, flatten, squeeze and unsqueeze keep the order of elements',
  drawnWith((shape) => fc.tuple(permutations(shape.length), fc.nat(shape.length))),
  async ([x, [order, dim]]) => {
    const shape = order.map((d) => x.shape[d]!);
    const { data } = referenceOf(x);
    const y = tensorOf(x);
    await expectSame(y.reshape(shape), { shape, data });
    await expectSame(y.flatten().reshape(x.shape), { shape: x.shape, data });
    const longer = [...x.shape.slice(0, dim), 1, ...x.shape.slice(dim)];
    await expectSame(y.unsqueeze(dim), { shape: longer, data });
    await expectSame(y.unsqueeze(dim).squeeze(dim), { shape: x.shape, data });
    const known = shape.findIndex((size) => size > 0);
    if (known >= 0 && data.length > 0)
      await expectSame(y.reshape(shape.map((size, d) => (d === known ? -1 : size))), {
        shape,
        data,
      });
  },
  15,
);

property(
  'a cat of a split is what was split, and each part its slice',
  drawnWith(
    (shape) =>
      dimWithin(shape.length).chain((dim) =>
        fc.tuple(
          fc.constant(dim),
          fc.array(fc.nat(shape[resolve(dim, shape.length)]!), { maxLength: 4 }),
        ),
      ),
    { minRank: 1 },
  ),
  async ([x, [dim, cuts]]) => {
    const d = resolve(dim, x.shape.length);
    const ends = [...cuts, x.shape[d]!].sort((a, b) => a - b);
    const parts = tensorOf(x).split(
      ends.map((end, i) => end - (ends[i - 1] ?? 0)),
      dim,
    );
    for (const [i, part] of parts.entries()) {
      const start = ends[i - 1] ?? 0;
      await expectSame(part, sliced(referenceOf(x), d, start, ends[i]!, 1));
    }
    await expectSame(sg.cat(parts, dim), referenceOf(x));
  },
  25,
);

function sliced(x: Reference, dim: number, start: number, end: number, step: number): Reference {
  const size = Math.max(0, Math.ceil((end - start) / step));
  return build(replaced(x.shape, dim, size), (index) =>
    at(x, replaced(index, dim, start + step * index[dim]!)),
  );
}

property(
  'selecting each index and stacking them gives the tensor',
  drawnWith((shape) => dimWithin(shape.length), { minRank: 1, sizes: SOME, maxNumel: 200 }),
  async ([x, dim]) => {
    const d = resolve(dim, x.shape.length);
    const y = tensorOf(x);
    const parts = Array.from({ length: x.shape[d]! }, (_, i) => y.select(dim, i));
    const kept = x.shape.filter((_, at) => at !== d);
    expect(parts[0]!.shape).toEqual(kept);
    await expectSame(sg.stack(parts, dim), referenceOf(x));
  },
  15,
);

property(
  'slice with steps takes what the reference takes',
  drawnWith(
    (shape) =>
      fc.record({
        dim: dimWithin(shape.length),
        start: fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined }),
        end: fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined }),
        step: fc.constantFrom(1, 2, 3, 8),
      }),
    { minRank: 1 },
  ),
  ([x, { dim, start, end, step }]) => {
    const d = resolve(dim, x.shape.length);
    const size = x.shape[d]!;
    const clipped = (i: number): number => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
    const [first, last] = [clipped(start ?? 0), clipped(end ?? size)];
    return exactly(
      x,
      (y) => y.slice(dim, start, end, step),
      (y) => sliced(y, d, first, last, step),
    );
  },
  30,
);

/** The values exactly, and for f32 the gradient. */
async function exactly(
  x: Drawn,
  op: (x: sg.Tensor) => sg.Tensor,
  reference: (x: Reference) => Reference,
): Promise<void> {
  await expectSame(op(tensorOf(x)), reference(referenceOf(x)));
  if (x.dtype === 'i32') return;
  await checkOp({
    inputs: [{ shape: x.shape, data: valuesOf(x) }],
    op,
    reference,
    forward: { absolute: 0, relative: 0 },
    samples: 8,
    step: 1,
    random: true,
  });
}

property(
  'flip is the reference, and twice nothing',
  drawnWith((shape) => dimsWithin(shape.length)),
  async ([x, dims]) => {
    const flipped = dims.map((d) => resolve(d, x.shape.length));
    await exactly(
      x,
      (y) => y.flip(dims),
      (y) => flip(y, flipped),
    );
    await expectSame(tensorOf(x).flip(dims).flip(dims), referenceOf(x));
  },
  20,
);

property(
  'roll is the reference, and back again nothing',
  drawnWith(
    (shape) =>
      dimsWithin(shape.length, 1).chain((dims) =>
        fc.tuple(fc.constant(dims), fc.tuple(...dims.map(() => fc.integer({ min: -9, max: 9 })))),
      ),
    { minRank: 1 },
  ),
  async ([x, [dims, shifts]]) => {
    await exactly(
      x,
      (y) => y.roll(shifts, dims),
      (y) =>
        dims.reduce((rolled, dim, i) => roll(rolled, shifts[i]!, resolve(dim, x.shape.length)), y),
    );
    const back = tensorOf(x)
      .roll(shifts, dims)
      .roll(
        shifts.map((shift) => -shift),
        dims,
      );
    await expectSame(back, referenceOf(x));
  },
  20,
);

property(
  'pad is the reference, also where it cuts off, and slice takes it back',
  drawnWith(
    (shape) =>
      fc.nat(shape.length).chain((pairs) =>
        fc.tuple(
          ...Array.from({ length: 2 * pairs }, (_, i) => {
            const size = shape[shape.length - 1 - Math.floor(i / 2)]!;
            return fc.integer({ min: -Math.floor(size / 2), max: 4 });
          }),
        ),
      ),
    { maxNumel: 150 },
  ),
  async ([x, padding]) => {
    await exactly(
      x,
      (y) => sg.nn.functional.pad(y, padding, { value: -3 }),
      (y) => pad(y, padding, 'constant', -3),
    );
    if (padding.some((size) => size < 0)) return;
    let back = sg.nn.functional.pad(tensorOf(x), padding);
    for (let i = 0; i < padding.length; i += 2) {
      const dim = x.shape.length - 1 - i / 2;
      back = back.narrow(dim, padding[i]!, x.shape[dim]!);
    }
    await expectSame(back, referenceOf(x));
  },
  30,
);

property(
  'pad with what is within is the reference',
  fc
    .record({
      mode: fc.constantFrom('replicate', 'reflect', 'circular'),
      x: drawn({ minRank: 1, maxRank: 4, sizes: SOME, maxNumel: 150 }),
    })
    .chain(({ mode, x }) =>
      fc.record({
        mode: fc.constant(mode),
        x: fc.constant(x),
        padding: fc.integer({ min: 1, max: Math.min(3, x.shape.length) }).chain((pairs) =>
          fc.tuple(
            ...Array.from({ length: 2 * pairs }, (_, i) => {
              const size = x.shape[x.shape.length - 1 - Math.floor(i / 2)]!;
              const most = { replicate: 5, reflect: size - 1, circular: size }[mode]!;
              return fc.integer({ min: -Math.floor((size - 1) / 2), max: Math.min(most, 4) });
            }),
          ),
        ),
      }),
    ),
  ({ mode, x, padding }) =>
    exactly(
      x,
      (y) => sg.nn.functional.pad(y, padding, { mode: mode as 'reflect' }),
      (y) => pad(y, padding, mode, 0),
    ),
  25,
);

property(
  'expand and repeat have the values and gradients of the reference',
  drawnWith(
    (shape) =>
      fc
        .nat(2)
        .chain((more) =>
          fc.tuple(
            ...Array.from({ length: more + shape.length }, () => fc.integer({ min: 0, max: 3 })),
          ),
        ),
    { maxRank: 3, maxNumel: 30 },
  ),
  async ([x, sizes]) => {
    const missing = sizes.length - x.shape.length;
    const ones = { ...x, shape: x.shape.map((size, d) => (sizes[missing + d]! > 1 ? 1 : size)) };
    const shape = sizes.map((size, d) => {
      const own = d < missing ? 1 : ones.shape[d - missing]!;
      return own === 1 ? size : own;
    });
    await exactly(
      ones,
      (y) => y.expand(shape),
      (y) =>
        build(shape, (index) =>
          at(
            y,
            y.shape.map((size, d) => (size === 1 ? 0 : index[missing + d]!)),
          ),
        ),
    );
    await exactly(
      x,
      (y) => y.repeat(sizes),
      (y) => repeat(y, sizes),
    );
  },
  25,
);

property(
  'gather and indexSelect have the values and gradients of the reference',
  drawnWith(
    (shape) =>
      fc.record({
        dim: dimWithin(shape.length),
        // Of the index; at most the size of x in the other dimensions.
        sizes: fc.tuple(...shape.map(() => fc.integer({ min: 0, max: 7 }))),
        seed: fc.nat(99),
      }),
    { minRank: 1, maxRank: 4, sizes: SOME },
  ),
  async ([x, { dim, sizes, seed }]) => {
    const d = resolve(dim, x.shape.length);
    const shape = sizes.map((size, at) => (at === d ? size : Math.min(size, x.shape[at]!)));
    const choose = (shape: readonly number[]): Reference => ({
      shape,
      data: Float64Array.from(uniform(sizeOf(shape), seed, 0, x.shape[d]!), Math.floor),
    });
    const index = choose(shape);
    const rows = choose([sizes[d]!]);
    const tensors = [index, rows].map(({ shape, data }) =>
      sg.tensor(Int32Array.from(data), { shape }),
    );
    await exactly(
      x,
      (y) => y.gather(dim, tensors[0]!),
      (y) => gather(y, d, index),
    );
    await exactly(
      x,
      (y) => y.indexSelect(dim, tensors[1]!),
      (y) => indexSelect(y, d, rows),
    );
  },
  25,
);

property(
  'topk is the start of sort, which is that of the reference',
  fc
    .record({
      shape: fc.oneof(
        { weight: 3, arbitrary: shapes({ minRank: 1, sizes: SOME }) },
        { weight: 1, arbitrary: fc.tuple(fc.nat(3), fc.integer({ min: 8, max: 600 })) },
      ),
      x: numbers('distinct', 'ties', 'special'),
      descending: fc.boolean(),
    })
    .chain(({ shape, ...rest }) =>
      fc.record({
        shape: fc.constant(shape),
        dim: dimWithin(shape.length),
        share: fc.nat(8),
        ...{ x: fc.constant(rest.x), descending: fc.constant(rest.descending) },
      }),
    ),
  async ({ shape, x, descending, dim, share }) => {
    const d = resolve(dim, shape.length);
    const data = fill(shape, x).map((value) => value + 0);
    const reference = { shape, data: Float64Array.from(data) };
    const tensor = sg.tensor(data, { shape });
    const places = sortedPositions(reference, d, shape[d]!, descending);
    const [sorted, order] = tensor.sort(dim, { descending });
    await expectSame(order, places);
    await expectSame(sorted, gather(reference, d, places));
    await expectSame(tensor.argsort(dim, { descending }), places);
    const k = Math.floor((shape[d]! * share) / 8);
    const [top, indices] = tensor.topk(k, dim, { largest: descending });
    const first = sortedPositions(reference, d, k, descending);
    await expectSame(indices, first);
    await expectSame(top, gather(reference, d, first));
    if (x.kind !== 'distinct' || numelOf(shape) > 200) return;
    await checkOp({
      inputs: [input(shape, x)],
      op: (y) => y.topk(k, dim, { largest: descending })[0],
      reference: (y) => gather(y, d, sortedPositions(y, d, k, descending)),
      samples: 8,
      step: 1e-3,
      random: true,
    });
  },
  25,
);
