import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { norm } from '../reference/reduce.js';
import { expectClose } from '../support/compare.js';
import { testHalf } from '../support/half.js';
import { uniform } from '../support/random.js';

const { clipGradNorm_, clipGradValue_ } = sg.nn.utils;

/** Parameters of several sizes, with gradients. */
async function withGradients(
  dtype: sg.DType,
  run: (params: sg.Tensor[], gradients: number[]) => Promise<void>,
): Promise<void> {
  const params = [[], [7], [65, 33], [3, 5, 5, 5]].map((shape) =>
    sg.zeros(shape, { requiresGrad: true, dtype }),
  );
  for (const [i, param] of params.entries()) {
    using gradient = sg.tensor(uniform(param.numel, i, -2, 2), { shape: param.shape, dtype });
    param.grad = gradient;
  }
  const idle = sg.zeros([3], { requiresGrad: true });
  await run([...params, idle], await gradientsOf(params));
  expect(idle.grad).toBe(null);
  for (const param of [...params, idle]) param.dispose();
}

async function gradientsOf(params: readonly sg.Tensor[]): Promise<number[]> {
  const all: number[] = [];
  for (const { grad } of params) if (grad) all.push(...(await grad.data()));
  return all;
}

describe.each([1, 2, Infinity])('clipGradNorm_ with normType %d', (normType) => {
  test('scales gradients whose norm is above, and gives that norm', () =>
    withGradients('f32', async (params, gradients) => {
      const total = norm(gradients, normType);
      using before = clipGradNorm_(params, total / 3, { normType });
      expect([before.shape, before.dtype]).toEqual([[], 'f32']);
      expectClose([await before.item()], [total]);
      expectClose(
        await gradientsOf(params),
        gradients.map((value) => value / 3),
      );
    }));

  test('leaves the others as they are', () =>
    withGradients('f32', async (params, gradients) => {
      using before = clipGradNorm_(params, 1e5, { normType });
      expectClose([await before.item()], [norm(gradients, normType)]);
      expect(await gradientsOf(params)).toEqual(gradients);
    }));

  testHalf('takes f16, with the norm in f32', () =>
    withGradients('f16', async (params, gradients) => {
      const total = norm(gradients, normType);
      using before = clipGradNorm_(params, total / 4, { normType });
      expect(before.dtype).toBe('f32');
      expectClose([await before.item()], [total]);
      const quarters = gradients.map((value) => value / 4);
      expectClose(await gradientsOf(params), quarters, { norm: 1e-3 });
    }),
  );

  test('of nothing is 0', async () => {
    using param = sg.ones([2], { requiresGrad: true });
    using none = clipGradNorm_([param], 1, { normType });
    expect(await none.item()).toBe(0);
    using empty = sg.zeros([0], { requiresGrad: true });
    empty.grad = empty.detach();
    using zero = clipGradNorm_(empty, 1, { normType });
    expect(await zero.item()).toBe(0);
  });
});

test('a norm of infinity or NaN does to gradients what it does in PyTorch', async () => {
  for (const [bad, expected] of [
    [Infinity, [NaN, 0]],
    [NaN, [NaN, NaN]],
  ] as const) {
    using param = sg.zeros([2], { requiresGrad: true });
    using gradient = sg.tensor([bad, 1]);
    param.grad = gradient;
    using total = clipGradNorm_(param, 1);
    expect(await total.item()).toBe(bad);
    expect([...(await param.grad.data())]).toEqual(expected);
  }
});

test('the norm lives until the next training step begins, unless retained', async () => {
  using w = sg.tensor([3, 4], { requiresGrad: true });
  const norms: sg.Tensor[] = [];
  for (let step = 0; step < 3; step++) {
    using squares = w.square();
    using loss = squares.sum();
    expect(norms.at(-1)?.isFreed ?? true).toBe(true);
    loss.backward();
    norms.push(clipGradNorm_([w], 1));
    expect(await norms.at(-1)!.item()).toBeCloseTo(step === 0 ? 10 : step === 1 ? 10.95 : 10.99, 0);
  }
  norms.at(-1)!.dispose();
});

test('clipGradValue_ limits each element, and lets NaN be', async () => {
  await withGradients('f32', async (params, gradients) => {
    clipGradValue_(params, 0.5);
    expect(await gradientsOf(params)).toEqual(
      gradients.map((value) => Math.min(Math.max(value, -0.5), 0.5)),
    );
  });
  using param = sg.zeros([4], { requiresGrad: true });
  using gradient = sg.tensor([NaN, Infinity, -Infinity, 0.25]);
  param.grad = gradient;
  clipGradValue_(param, 2);
  expect([...(await param.grad.data())]).toEqual([NaN, 2, -2, 0.25]);
});

test('refuse limits below 0 and other norms', () => {
  expect(() => clipGradNorm_([], -1)).toThrow('clipGradNorm_: expected maxNorm from 0 up, got -1');
  expect(() => clipGradNorm_([], NaN)).toThrow('clipGradNorm_: expected maxNorm from 0 up');
  expect(() => clipGradNorm_([], 1, { normType: 3 })).toThrow(
    'clipGradNorm_: expected a norm of p = 1, 2 or Infinity, got 3',
  );
  expect(() => clipGradValue_([], -1)).toThrow('clipGradValue_: expected value from 0 up, got -1');
});
