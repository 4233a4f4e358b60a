import * as sg from 'shadegrad';
import { afterEach, describe, expect } from 'vitest';
import { Op } from '../../src/autograd/op.js';
import type { GpuArray } from '../../src/gpu/gpuArray.js';
import { apply } from '../../src/tensor/tensor.js';
import { tidyTest as test } from '../support/tidyTest.js';

const { detectAnomaly, isAnomalyEnabled, setDetectAnomaly } = sg.autograd;
const leaf = (...values: number[]) => sg.tensor(values, { requiresGrad: true });

afterEach(() => setDetectAnomaly(false));

/** y = x, with a gradient of the test's choice. */
class Poisoned extends Op {
  readonly name = 'conv2d';

  constructor(private readonly gradients: readonly number[]) {
    super();
  }

  forward(...inputs: GpuArray[]): GpuArray {
    return inputs[0]!.copy();
  }

  backward(): GpuArray[] {
    return this.gradients.map((value) => sg.noGrad(() => sg.full([2], value).array.share()));
  }
}

const poison = (x: sg.Tensor, ...gradients: number[]) =>
  apply(new Poisoned(gradients), x, ...gradients.slice(1).map(() => leaf(1, 1)));

describe('anomaly mode names the op', () => {
  test('whose backward first made a NaN, the input, and where the op was recorded', async () => {
    setDetectAnomaly(true);
    const x = leaf(0, 1);
    function recordsSqrt() {
      return x.sqrt();
    }
    const h = recordsSqrt(); // its slope at 0 is Inf, times 0 is NaN
    h.mul(sg.tensor([0, 1]))
      .exp()
      .sum()
      .backward();
    const error = await sg.sync().catch((error: unknown) => error as Error);
    expect(error).toBeInstanceOf(sg.AutogradError);
    expect((error as Error).message).toMatch(
      /^sqrt: backward made NaN in the gradient of input 0, \(2,\)\. Its forward was recorded at:\n/,
    );
    expect((error as Error).message).toContain('recordsSqrt');
    await sg.sync(); // thrown once
  });

  test('whose backward made an Inf, with the names of the inputs of layers', async () => {
    setDetectAnomaly(true);
    poison(leaf(1, 2), 1, -Infinity, NaN).sum().backward();
    await expect(sg.sync()).rejects.toThrow(
      'conv2d: backward made Inf in the gradient of input 1 (weight), (2,).',
    );
  });

  test('whose forward first made a NaN, and mentions an Inf before it', async () => {
    setDetectAnomaly(true);
    const x = leaf(100, 1);
    const loss = x.exp().sub(x.exp()).sum();
    await expect(loss.item()).rejects.toThrow(
      'sub: forward made NaN in its result, (2,). The first Inf came before: ' +
        'exp: forward made Inf in its result, (2,). Its forward was recorded at:',
    );
  });

  test('that got a NaN which no op made', async () => {
    setDetectAnomaly(true);
    leaf(1, 2)
      .mul(sg.tensor([NaN, 1]))
      .sum();
    await expect(sg.sync()).rejects.toThrow('mul: forward got NaN in input 1, (2,).');
    leaf(1, 2)
      .mul(2)
      .backward({ gradient: sg.tensor([1, NaN]) });
    await expect(sg.sync()).rejects.toThrow(
      'mul: backward got NaN from the gradient that was passed',
    );
    const h = leaf(1, 2).mul(2);
    h.registerHook((grad) => grad.mul(Infinity));
    h.sum().backward();
    await expect(sg.sync()).rejects.toThrow('mul: backward got Inf from a hook, (2,).');
  });

  test('in f32 of any bits, and not where all is finite', async () => {
    setDetectAnomaly(true);
    const bits = (word: number) => new Float32Array(Uint32Array.of(word, 0).buffer);
    for (const word of [0x7f800001, 0xffffffff, 0x7fc00000]) {
      sg.tensor(bits(word), { requiresGrad: true }).abs();
      await expect(sg.sync(), word.toString(16)).rejects.toThrow('forward got NaN in input 0');
    }
    for (const word of [0x7f7fffff, 0xff7fffff, 1, 0x80000000, 0x7f800000, 0xff800000]) {
      sg.tensor(bits(word), { requiresGrad: true }).relu(); // an Inf forward is no anomaly by itself
      await sg.sync();
    }
  });
});

describe('anomaly mode', () => {
  test('lasts for detectAnomaly, sync and async, and for errors within', async () => {
    const loss = detectAnomaly(() => {
      expect(isAnomalyEnabled()).toBe(true);
      return leaf(100).exp().mul(0);
    });
    expect(isAnomalyEnabled()).toBe(false);
    await expect(loss.item()).rejects.toThrow('mul: forward made NaN');

    const pending = detectAnomaly(async () => {
      await Promise.resolve();
      leaf(100).exp().mul(0);
      return 3;
    });
    expect(isAnomalyEnabled()).toBe(true);
    await expect(pending).rejects.toThrow('mul: forward made NaN');
    expect(isAnomalyEnabled()).toBe(false);
    expect(await detectAnomaly(() => Promise.resolve(3))).toBe(3);

    const failing = () => {
      throw new Error('within');
    };
    expect(() => detectAnomaly(failing)).toThrow('within');
    await expect(detectAnomaly(() => Promise.reject(new Error('later')))).rejects.toThrow('later');
    expect(isAnomalyEnabled()).toBe(false);
  });

  test('is off by default, and looks at what is recorded alone', async () => {
    leaf(100).exp().mul(0).sum().backward();
    await sg.sync();
    setDetectAnomaly(true);
    sg.noGrad(() => leaf(100).exp().mul(0));
    sg.tensor([Infinity]).mul(0);
    await sg.sync();
  });

  test('finds the first and the last of many elements', async () => {
    setDetectAnomaly(true);
    for (const at of [0, 65535, 65536, 199999]) {
      const values = new Float32Array(200000);
      values[at] = NaN;
      sg.tensor(values, { requiresGrad: true }).abs();
      await expect(sg.sync(), `at ${at}`).rejects.toThrow('forward got NaN in input 0, (200000,)');
    }
  });

  test('finds the one among a thousand, and frees its flags', async () => {
    setDetectAnomaly(true);
    const before = sg.memory().bytesInUse;
    await sg.tidy(async () => {
      const x = leaf(1, 2);
      let y: sg.Tensor = x;
      for (let i = 0; i < 600; i++) y = i === 550 ? y.mul(Infinity).sub(Infinity) : y.mul(1);
      y.sum().backward();
      await expect(sg.sync()).rejects.toThrow('sub: forward made NaN');
    });
    expect(sg.memory().bytesInUse).toBe(before);
  });

  test('passes a whole training step that is sound', async () => {
    setDetectAnomaly(true);
    sg.manualSeed(3);
    const { nn } = sg;
    const conv = new nn.Conv2d(1, 4, 3);
    const linear = new nn.Linear(4 * 3 * 3, 10);
    const model = new nn.Sequential(
      conv,
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      linear,
    );
    const x = sg.randn([2, 1, 8, 8]);
    const labels = sg.tensor([3, 5], { dtype: 'i32' });
    const loss = sg.nn.functional.crossEntropy(model.forward(x), labels);
    loss.backward();
    expect(await loss.item()).toBeGreaterThan(0);
    model.dispose();
  });
});
