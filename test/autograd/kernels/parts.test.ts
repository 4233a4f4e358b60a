import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { inParts, joined, type RowDims } from '../../../src/autograd/kernels/parts.js';
import { currentDevice } from '../../../src/gpu/device.js';
import type { DType } from '../../../src/gpu/dtype.js';
import { GpuArray } from '../../../src/gpu/gpuArray.js';
import { skipWithoutHalf } from '../../support/half.js';
import { withBindingLimit } from '../../support/limits.js';

const LIMIT = 512;

/** (outer, size, inner) of the input, in parts into an output of the same shape. */
const ROWS = [
  { name: 'parts start where bindings may', outer: 64, size: 16, inner: 1 },
  { name: 'rows of 33 elements, of which 3 fit', outer: 20, size: 33, inner: 1 },
  { name: 'rows of 127 elements, of which one fits', outer: 5, size: 127, inner: 1 },
  { name: 'slabs of an odd number of elements', outer: 9, size: 5, inner: 7 },
  { name: 'columns of slabs too large', outer: 3, size: 5, inner: 67 },
  { name: 'one slab of long columns', outer: 1, size: 65, inner: 7 },
];

describe.each(['f32', 'f16', 'i32'] as const)('inParts of %s', (dtype) => {
  test.for(ROWS)('$name', async ({ outer, size, inner }, context) => {
    if (dtype === 'f16') skipWithoutHalf(context);
    const count = outer * size * inner;
    const values = Float32Array.from({ length: count }, (_, i) => i % 1999);
    await withBindingLimit(LIMIT, async () => {
      const { y, parts } = copied(values, { outer, inner }, dtype);
      expect([...(await y.read())]).toEqual([...values]);
      expect(parts).toBeGreaterThan(1);
      y.release();
    });
  });
});

/** `values`, each part copied on its own. */
function copied(values: Float32Array, dims: RowDims, dtype: DType) {
  const { length } = values;
  const data = dtype === 'i32' ? Int32Array.from(values) : values;
  const x = GpuArray.from(data, [length], currentDevice(), dtype);
  const y = GpuArray.empty([length], dtype);
  let parts = 0;
  inParts(dims, [x], [y], ({ inputs, outputs }) => {
    expect(Math.max(inputs[0]!.bytes, outputs[0]!.bytes)).toBeLessThanOrEqual(LIMIT);
    outputs[0]!.copyFrom(inputs[0]!);
    parts++;
  });
  x.release();
  return { y, parts };
}

test('what fits is handed on as it is', () => {
  const [x, y] = [GpuArray.empty([4, 5]), GpuArray.empty([4])];
  let calls = 0;
  inParts({ outer: 4 }, [x], [y], ({ outer, inner, inputs, outputs }) => {
    expect([outer, inner, inputs[0], outputs[0]]).toEqual([4, 1, x, y]);
    calls++;
  });
  expect(calls).toBe(1);
  x.release();
  y.release();
});

test('a row that does not fit is refused', () =>
  withBindingLimit(LIMIT, () => {
    const x = GpuArray.empty([2, 129]);
    expect(() => inParts({ outer: 2 }, [x], [], () => undefined)).toThrow(
      'expected rows of at most 512 bytes, which this adapter can bind, got rows of 516',
    );
    x.release();
  }));

test('joined arrays keep their order and dtype', async () => {
  const pieces = [[1, 2], [3], [4, 5, 6]].map((list) => {
    return GpuArray.from(Int32Array.from(list), [list.length]);
  });
  const all = joined(pieces);
  expect(await all.read()).toEqual(Int32Array.of(1, 2, 3, 4, 5, 6));
  all.release();
});

describe('tensors larger than a binding give what they give in one', () => {
  const CASES: Record<string, (x: sg.Tensor) => sg.Tensor> = {
    'an operand that broadcasts, itself too large': (x) => x.unsqueeze(1).add(x.unsqueeze(0)),
    'a comparison with one': (x) => x.mul(x.unsqueeze(1).lt(x.unsqueeze(0)).to('f32')),
    'a transposition': (x) => x.transpose(0, 1),
    'all dimensions from last to first': (x) => x.flip([0, 1]),
    'copies of a column': (x) => x.slice(1, 3, 4).expand([13, 31]),
    'a part of each row put together twice': (x) => sg.cat([x, x.slice(1, 0, 5)], 1),
    'the sum of all': (x) => x.sum(),
    'the sum of columns': (x) => x.sum(0),
    'variances of rows': (x) => x.variance(1),
    'the softmax of columns': (x) => x.softmax(0),
    'running sums of columns': (x) => x.cumsum(0),
    'sorted columns': (x) => x.sort(0)[0],
    'an index smaller than the array': (x) =>
      x.gather(
        0,
        sg.tensor(
          [
            [1, 1, 5],
            [0, 12, 5],
          ],
          { dtype: 'i32' },
        ),
      ),
    'rows by their numbers': (x) => x.indexSelect(0, sg.tensor([3, 3, 0, 12], { dtype: 'i32' })),
  };
  test.each(Object.entries(CASES))('%s', async (_, run) => {
    const results = async () => {
      const x = sg.randn([13, 31], { requiresGrad: true });
      const y = sg.tidy(() => run(x));
      const forward = await y.data();
      sg.tidy(() => y.square().sum().backward());
      const found = [forward, await x.grad!.data()];
      for (const tensor of [x, y]) tensor.dispose();
      return found;
    };
    sg.manualSeed(3);
    const whole = await results();
    sg.manualSeed(3);
    const parts = await withBindingLimit(LIMIT, results);
    parts.forEach((values, i) => {
      const most = Math.max(...Array.from(whole[i]!, Math.abs));
      values.forEach((value, at) =>
        expect(Math.abs(value - whole[i]![at]!)).toBeLessThan(1e-5 * most),
      );
    });
  });
});
