import * as sg from 'shadegrad';
import { describe, expect } from 'vitest';
import { Op } from '../../src/autograd/op.js';
import type { GpuArray } from '../../src/gpu/gpuArray.js';
import { defaultGenerator } from '../../src/random/generator.js';
import { apply } from '../../src/tensor/tensor.js';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/random.js';
import { tidyTest as test } from '../support/tidyTest.js';

const { gradcheck, numericalGradient, grad } = sg.autograd;
const F = sg.nn.functional;
const leaf = (shape: number[], seed: number, low = -1, high = 1) =>
  sg.tensor(
    uniform(
      shape.reduce((a, b) => a * b, 1),
      seed,
      low,
      high,
    ),
    { shape, requiresGrad: true },
  );

/** y = 3 x, whose backward is wrong for one element. */
class WrongTriple extends Op {
  readonly name = 'wrongTriple';

  constructor(private readonly at: number) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    return sg.noGrad(() => new sg.Tensor(x.share()).mul(3).array.share());
  }

  backward(dy: GpuArray): GpuArray {
    const factors = new Float32Array(dy.numel).fill(3);
    factors[this.at] = 3.75;
    return sg.noGrad(() =>
      new sg.Tensor(dy.share()).mul(sg.tensor(factors, { shape: dy.shape })).array.share(),
    );
  }
}

describe('numericalGradient', () => {
  test('is that of the sum of the outputs, or of gradient * output', async () => {
    const x = sg.tensor([1, -2, 3], { requiresGrad: true });
    const [dx] = await numericalGradient((x) => x.square(), [x]);
    expect(dx!.shape).toEqual([3]);
    expectClose(await dx!.data(), [2, -4, 6], { absolute: 1e-3 });
    const gradient = sg.tensor([1, 10, 0]);
    const [weighted] = await numericalGradient((x) => x.square(), [x], { gradient });
    expectClose(await weighted!.data(), [2, -40, 0], { absolute: 1e-3 });
  });

  test('is null for inputs that do not require grad', async () => {
    const x = leaf([2, 3], 1);
    const k = sg.tensor([2, 3, 4]);
    const index = sg.tensor([0, 1], { dtype: 'i32' });
    const results = await numericalGradient((x, k) => x.mul(k), [x, k, index]);
    expect(results.slice(1)).toEqual([null, null]);
    expectClose(await results[0]!.data(), [2, 3, 4, 2, 3, 4], { absolute: 1e-3 });
  });

  test('takes an eps, of which the points use what f32 can hold', async () => {
    const x = sg.tensor([1e4], { requiresGrad: true });
    const [fine] = await numericalGradient((x) => x.mul(3), [x], { eps: 0.01 });
    expect(await fine!.item()).toBeCloseTo(3, 0);
    const [coarse] = await numericalGradient((x) => x.square(), [x], { eps: 16 });
    expect(await coarse!.item()).toBeCloseTo(2e4, -1);
  });
});

describe('gradcheck passes', () => {
  test('for a function of several inputs and outputs', async () => {
    const [a, b] = [leaf([4, 1], 1, 0.5, 2), leaf([3], 2, 0.5, 2)];
    const report = await gradcheck((a, b) => a.pow(b).add(a.div(b)).log(), [a, b]);
    expect(report.inputs.map(({ input, checked }) => [input, checked])).toEqual([
      [0, 4],
      [1, 3],
    ]);
    for (const { largestError, largestGradient } of report.inputs) {
      expect(largestError).toBeLessThan(1e-3);
      expect(largestGradient).toBeGreaterThan(0.1);
    }
  });

  test('for layers, whose parameters fn reaches by itself', async () => {
    sg.manualSeed(2);
    const conv = new sg.nn.Conv2d(2, 3, 3, { padding: 1 });
    const x = leaf([1, 2, 5, 5], 3);
    const labels = sg.tensor([1], { dtype: 'i32' });
    const report = await gradcheck(
      (x) => F.crossEntropy(F.avgPool2d(conv.forward(x).tanh(), 5).flatten(1), labels),
      [x, ...conv.parameters()],
      { samples: 20 },
    );
    expect(report.inputs.map(({ checked }) => checked)).toEqual([20, 20, 3]);
    conv.dispose();
  });

  test('for inputs that fn does not use, and reports that nothing was proven', async () => {
    const [x, y] = [leaf([2], 1), leaf([2], 2)];
    const report = await gradcheck((x) => x.mul(2), [x, y]);
    expect(report.inputs[1]).toMatchObject({ largestError: 0, largestGradient: 0 });
    const none = await gradcheck(() => sg.ones([3]), [x]);
    expect(none.inputs[0]).toMatchObject({ largestGradient: 0 });
  });

  test('where fn draws random numbers: each evaluation gets the same', async () => {
    const x = leaf([40], 1, 0.5, 1);
    const noisy = (x: sg.Tensor) => x.mul(sg.rand([40])).mul(sg.rand([40]).gt(0.5).to('f32'));
    sg.manualSeed(7);
    const { state } = defaultGenerator;
    await gradcheck(noisy, [x]);
    expect(defaultGenerator.state).toEqual(state);
    const generator = new sg.Generator(3);
    const before = generator.state;
    await gradcheck((x) => x.mul(sg.rand([40], { generator })), [x], { generator });
    expect(generator.state).toEqual(before);
  });
});

describe('gradcheck fails', () => {
  test('naming input, element, and both values', async () => {
    const k = sg.tensor([1, 1]);
    const x = sg.tensor(
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
      { requiresGrad: true },
    );
    const run = gradcheck((_, x) => apply(new WrongTriple(4), x), [k, x]);
    await expect(run).rejects.toThrow(sg.GradientError);
    const error = await run.catch((error: unknown) => error as sg.GradientError);
    expect(error).toMatchObject({ input: 1, index: [1, 1] });
    const { analytic, numeric, message } = error as sg.GradientError;
    expect(analytic / numeric).toBeCloseTo(1.25, 2);
    expect(message).toContain(
      `got ${analytic} (analytic) and ${numeric} (numeric) for element [1, 1] of input 1`,
    );
  });

  test('for NaN, and where atol and rtol do not allow the difference', async () => {
    const zero = sg.tensor([0], { requiresGrad: true });
    await expect(gradcheck((x) => x.abs().sqrt(), [zero])).rejects.toThrow('got NaN (analytic)');
    const x = sg.tensor([1], { requiresGrad: true });
    const wrong = (x: sg.Tensor) => apply(new WrongTriple(0), x);
    await expect(gradcheck(wrong, [x])).rejects.toThrow(sg.GradientError);
    await gradcheck(wrong, [x], { rtol: 0.3 });
    await gradcheck(wrong, [x], { atol: 1.2 });
  });

  test('for what it cannot check', async () => {
    const x = leaf([2], 1);
    await expect(gradcheck((x) => x, [sg.ones([2])])).rejects.toThrow(
      'gradcheck: expected at least one input that requires grad, got none',
    );
    await expect(gradcheck((x) => x.argmax(), [x])).rejects.toThrow(sg.DTypeError);
    await expect(gradcheck((x) => x.exp(), [x], { eps: 0 })).rejects.toThrow(
      'expected an eps above 0',
    );
    const failing = () => {
      throw new Error('within');
    };
    await expect(gradcheck(failing, [x])).rejects.toThrow('within');
  });
});

describe('gradcheck leaves no trace', () => {
  test('in inputs, their gradients, graphs that saved them, and memory', async () => {
    const x = sg.tensor([0.1, -0, 1e-30, 3], { requiresGrad: true });
    x.mul(2).sum().backward();
    const gradient = x.grad!;
    const pending = x.square().sum();
    const before = sg.memory();
    await gradcheck((x) => x.exp(), [x]);
    expect(sg.memory()).toMatchObject({ bytesInUse: before.bytesInUse, arrays: before.arrays });
    expect(x.grad).toBe(gradient);
    expectClose(await gradient.data(), [2, 2, 2, 2]);
    expect([...(await x.data())].map((v) => [v, Object.is(v, -0)])).toEqual(
      [...Float32Array.of(0.1, -0, 1e-30, 3)].map((v) => [v, Object.is(v, -0)]),
    );
    pending.backward(); // its x is what it was
    expectClose(await gradient.data(), [2.2, 2, 2, 8]);
  });

  test('if fn throws in between', async () => {
    const x = leaf([3], 1);
    const values = await x.toArray();
    const before = sg.memory();
    let calls = 0;
    const failing = (x: sg.Tensor) => {
      if (++calls === 4) throw new Error('the fourth');
      return x.exp();
    };
    await expect(gradcheck(failing, [x])).rejects.toThrow('the fourth');
    expect(await x.toArray()).toEqual(values);
    expect(sg.memory()).toMatchObject({ bytesInUse: before.bytesInUse, arrays: before.arrays });
  });
});

describe('grad', () => {
  test('gives gradients of leaves and hidden tensors, and touches no grad', async () => {
    const [x, w] = [sg.tensor([1, 2], { requiresGrad: true }), leaf([2], 2)];
    const h = x.square();
    const [dh, dx, again] = grad(h.mul(3).add(w).sum(), [h, x, x]);
    expect(await dh!.toArray()).toEqual([3, 3]);
    expect(await dx!.toArray()).toEqual([6, 12]);
    expect(again).toBe(dx);
    expect([x.grad, w.grad]).toEqual([null, null]);
  });

  test('takes gradient and retainGraph', async () => {
    const x = sg.tensor([1, 2], { requiresGrad: true });
    const y = x.square();
    const gradient = sg.tensor([1, -1]);
    expect(await grad(y, [x], { gradient, retainGraph: true })[0]!.toArray()).toEqual([2, -4]);
    expect(await grad(y, [y], { gradient })[0]!.toArray()).toEqual([1, -1]);
    expect(() => grad(y, [x], { gradient })).toThrow('Pass { retainGraph: true }');
    expect(await grad(x.sum(), [x])[0]!.toArray()).toEqual([1, 1]);
  });

  test('refuses inputs without gradient, and unused ones unless they are allowed', () => {
    const [x, other] = [leaf([2], 1), leaf([2], 2)];
    expect(() => grad(x.sum(), [x, sg.ones([1])])).toThrow('expected input 1 to require grad');
    const before = sg.memory().bytesInUse;
    sg.tidy(() => {
      expect(() => grad(x.sum(), [x, other])).toThrow('expected input 1 to be used for the output');
    });
    expect(sg.memory().bytesInUse).toBe(before);
    expect(grad(x.sum(), [x, other], { allowUnused: true })[1]).toBeNull();
    expect(() => grad(sg.ones([1]), [x])).toThrow(sg.AutogradError);
  });
});
