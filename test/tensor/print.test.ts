import * as sg from 'shadegrad';
import { expect, test, vi } from 'vitest';
import { testHalf } from '../support/half.js';

/** Formats a tensor and frees it. */
async function format(tensor: sg.Tensor, options?: sg.PrintOptions): Promise<string> {
  using x = tensor;
  return await x.format(options);
}

// Each expected text is what PyTorch 2 prints, but for the spelling of dtype, shape and gradient.
test.each([
  { name: 'a scalar', values: 3.14159, text: 'tensor(3.1416)' },
  { name: 'a vector', values: [1, 2.5, -3], text: 'tensor([ 1.0000,  2.5000, -3.0000])' },
  { name: 'whole numbers', values: [1, 20, -3], text: 'tensor([ 1., 20., -3.])' },
  { name: 'zeros', values: [0, -0], text: 'tensor([0., -0.])' },
  { name: 'ties to even', values: [0.03125, 0.15625], text: 'tensor([0.0312, 0.1562])' },
  { name: 'a wide range', values: [1e-5, 1], text: 'tensor([1.0000e-05, 1.0000e+00])' },
  { name: 'small numbers', values: [1e-5], text: 'tensor([1.0000e-05])' },
  { name: 'large whole numbers', values: [2e8, 1e8], text: 'tensor([2.0000e+08, 1.0000e+08])' },
  { name: 'a ratio above 1000', values: [0.5, 600], text: 'tensor([5.0000e-01, 6.0000e+02])' },
  {
    name: 'NaN and infinity',
    values: [1.5, NaN, -Infinity],
    text: 'tensor([1.5000,    nan,   -inf])',
  },
  { name: 'NaN among whole numbers', values: [1, NaN, Infinity], text: 'tensor([1., nan, inf])' },
  {
    name: 'a matrix',
    values: [
      [1, 2.5],
      [-3, 4],
    ],
    text: 'tensor([[ 1.0000,  2.5000],\n        [-3.0000,  4.0000]])',
  },
  {
    name: 'three dimensions',
    values: [
      [[1], [2]],
      [[3], [4]],
    ],
    text: 'tensor([[[1.],\n         [2.]],\n\n        [[3.],\n         [4.]]])',
  },
])('$name', async ({ values, text }) => {
  expect(await format(sg.tensor(values))).toBe(text);
});

test('integers, with their dtype', async () => {
  const x = sg.tensor([[1, -20], [300, 4]], { dtype: 'i32' }); // prettier-ignore
  expect(await format(x)).toBe('tensor([[  1, -20],\n        [300,   4]], dtype=i32)');
  expect(await format(sg.tensor([4294967295], { dtype: 'u32' }))).toBe(
    'tensor([4294967295], dtype=u32)',
  );
});

testHalf('f16, as floats with their dtype', async () => {
  const x = sg.tensor([1, 0.1], { dtype: 'f16' });
  expect(await format(x)).toBe('tensor([1.0000, 0.1000], dtype=f16)');
});

test('empty tensors', async () => {
  expect(await format(sg.zeros([0]))).toBe('tensor([])');
  expect(await format(sg.zeros([2, 0, 3], { dtype: 'i32' }))).toBe(
    'tensor([], shape=(2, 0, 3), dtype=i32)',
  );
});

test('long lines are broken at 80 characters', async () => {
  expect(await format(sg.arange(0, 30))).toBe(
    'tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n' +
      '        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,\n' +
      '        28., 29.])',
  );
});

test('more than 1000 elements are summarised', async () => {
  expect(await format(sg.arange(1001))).toBe(
    'tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])',
  );
  using flat = sg.arange(1000, 3000);
  expect(await format(flat.reshape([2, 100, 10]))).toBe(
    `tensor([[[1000., 1001., 1002.,  ..., 1007., 1008., 1009.],
         [1010., 1011., 1012.,  ..., 1017., 1018., 1019.],
         [1020., 1021., 1022.,  ..., 1027., 1028., 1029.],
         ...,
         [1970., 1971., 1972.,  ..., 1977., 1978., 1979.],
         [1980., 1981., 1982.,  ..., 1987., 1988., 1989.],
         [1990., 1991., 1992.,  ..., 1997., 1998., 1999.]],

        [[2000., 2001., 2002.,  ..., 2007., 2008., 2009.],
         [2010., 2011., 2012.,  ..., 2017., 2018., 2019.],
         [2020., 2021., 2022.,  ..., 2027., 2028., 2029.],
         ...,
         [2970., 2971., 2972.,  ..., 2977., 2978., 2979.],
         [2980., 2981., 2982.,  ..., 2987., 2988., 2989.],
         [2990., 2991., 2992.,  ..., 2997., 2998., 2999.]]])`,
  );
});

test('what gradients flow through says so', async () => {
  using w = sg.tensor([1, 2], { requiresGrad: true });
  expect(await w.format()).toBe('tensor([1., 2.], requiresGrad=true)');
  using y = w.relu();
  expect(await y.format()).toBe('tensor([1., 2.], gradFn=<Relu>)');
  expect(String(w)).toBe('Tensor(shape=(2,), dtype=f32, requiresGrad=true)');
  expect(String(y)).toBe('Tensor(shape=(2,), dtype=f32, gradFn=<Relu>)');
  using gradient = sg.ones([2]);
  y.backward({ gradient });
});

test('options', async () => {
  expect(await format(sg.tensor([1.23456, 2]), { precision: 2 })).toBe('tensor([1.23, 2.00])');
  expect(await format(sg.tensor([1.5]), { sciMode: true })).toBe('tensor([1.5000e+00])');
  expect(await format(sg.arange(9), { threshold: 5, edgeItems: 1 })).toBe('tensor([0.,  ..., 8.])');
});

test('toString says what is known without reading', () => {
  const x = sg.zeros([2, 3], { dtype: 'i32' });
  expect(x.toString()).toBe('Tensor(shape=(2, 3), dtype=i32)');
  x.dispose();
  expect(x.toString()).toBe('Tensor(shape=(2, 3), dtype=i32, freed)');
});

test('print writes to the console', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  using x = sg.tensor([1]);
  await sg.print(x);
  expect(log).toHaveBeenCalledWith('tensor([1.])');
  log.mockRestore();
});
