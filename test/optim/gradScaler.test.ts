import * as sg from 'shadegrad';
import { describe, expect, test as plainTest } from 'vitest';
import { expectClose } from '../support/compare.js';
import { tidyTest as test } from '../support/tidyTest.js';

const { GradScaler, SGD } = sg.optim;
const leaf = (...values: number[]) => sg.tensor(values, { requiresGrad: true });

/** One step of `w` on sum(w k); k times the scale is its gradient. */
async function step(
  scaler: sg.optim.GradScaler,
  optimizer: sg.optim.SGD,
  w: sg.Tensor,
  k: number,
): Promise<boolean> {
  optimizer.zeroGrad();
  scaler.scale(w.mul(k).sum()).backward();
  const taken = await scaler.step(optimizer);
  scaler.update();
  return taken;
}

describe('a step', () => {
  test('uses gradients without the scale', async () => {
    const w = leaf(1, 2);
    const optimizer = new SGD([w], { lr: 0.5 });
    const scaler = new GradScaler({ initScale: 1024 });
    const loss = w.mul(sg.tensor([3, 4])).sum();
    const scaled = scaler.scale(loss);
    expect(await scaled.item()).toBe(11 * 1024);
    scaled.backward();
    expect(await w.grad!.toArray()).toEqual([3 * 1024, 4 * 1024]);
    expect(await scaler.step(optimizer)).toBe(true);
    expect(await w.grad!.toArray()).toEqual([3, 4]);
    expect(await w.toArray()).toEqual([-0.5, 0]);
    scaler.update();
    expect(scaler.getScale()).toBe(1024);
  });

  test('is skipped if one gradient is Inf or NaN, and the scale halves', async () => {
    for (const bad of [Infinity, -Infinity, NaN]) {
      const [a, b] = [leaf(1, 2), leaf(3)];
      const optimizer = new SGD([a, b], { lr: 0.5 });
      const scaler = new GradScaler();
      scaler
        .scale(
          a
            .mul(sg.tensor([1, bad]))
            .sum()
            .add(b.mul(2).sum()),
        )
        .backward();
      expect(await scaler.step(optimizer)).toBe(false);
      expect([...(await a.data()), ...(await b.data())]).toEqual([1, 2, 3]);
      scaler.update();
      expect(scaler.getScale()).toBe(32768);
    }
  });

  test('is skipped where only the scaled gradient overflows, until the scale fits', async () => {
    const w = leaf(0);
    const optimizer = new SGD([w], { lr: 1 });
    const scaler = new GradScaler({ initScale: 2 ** 100 });
    const taken: boolean[] = [];
    for (let i = 0; i < 4; i++) taken.push(await step(scaler, optimizer, w, 2 ** 30));
    expect(taken).toEqual([false, false, false, true]); // 2^130, 2^129, 2^128, 2^127
    expect(await w.item()).toBe(-(2 ** 30));
    expect(scaler.getScale()).toBe(2 ** 97);
  });

  test('keeps loss and logits readable, as backward from the loss itself does', async () => {
    const w = leaf(1, 2, 3);
    const scaler = new GradScaler();
    const logits = w.mul(2).reshape([1, 3]);
    const loss = sg.nn.functional.crossEntropy(logits, sg.tensor([1], { dtype: 'i32' }));
    scaler.scale(loss).backward();
    expect(await loss.item()).toBeCloseTo(2.1429, 3);
    expect(await logits.toArray()).toEqual([[2, 4, 6]]);
    w.mul(1);
    await expect(logits.data()).rejects.toThrow('a new training step has begun');
  });
});

describe('the scale', () => {
  test('grows after growthInterval good steps in a row', async () => {
    const w = leaf(1);
    const optimizer = new SGD([w], { lr: 0 });
    const options = { initScale: 8, growthFactor: 4, backoffFactor: 0.25, growthInterval: 3 };
    const scaler = new GradScaler(options);
    const seen: number[] = [];
    for (const k of [1, 1, Infinity, 1, 1, 1, 1]) {
      await step(scaler, optimizer, w, k);
      seen.push(scaler.getScale());
    }
    expect(seen).toEqual([8, 8, 2, 2, 2, 8, 8]);
    expect(scaler.stateDict()).toEqual({
      scale: 8,
      growth_factor: 4,
      backoff_factor: 0.25,
      growth_interval: 3,
      _growth_tracker: 1,
    });
  });

  test('stays where twice as much is no number of f32', async () => {
    const w = leaf(1);
    const optimizer = new SGD([w], { lr: 0 });
    const scaler = new GradScaler({ initScale: 2 ** 127, growthInterval: 1 });
    await step(scaler, optimizer, w, 1);
    expect(scaler.getScale()).toBe(2 ** 127);
  });

  test('halves once if one of two optimizers saw an Inf; the other one steps', async () => {
    const [a, b] = [leaf(1), leaf(1)];
    const optimizers = [new SGD([a], { lr: 1 }), new SGD([b], { lr: 1 })] as const;
    const scaler = new GradScaler({ initScale: 4 });
    scaler.scale(a.mul(Infinity).sum().add(b.mul(2).sum())).backward();
    const taken = [await scaler.step(optimizers[0]), await scaler.step(optimizers[1])];
    expect(taken).toEqual([false, true]);
    scaler.update();
    expect(scaler.getScale()).toBe(2);
    expect([await a.item(), await b.item()]).toEqual([1, -1]);
  });

  test('may be set', () => {
    const scaler = new GradScaler();
    scaler.update(16);
    expect(scaler.getScale()).toBe(16);
    expect(() => scaler.update(0)).toThrow(sg.ArgumentError);
  });

  test('goes on from a state', async () => {
    const w = leaf(1);
    const optimizer = new SGD([w], { lr: 0 });
    const before = new GradScaler({ initScale: 8, growthInterval: 2 });
    await step(before, optimizer, w, 1);
    const after = new GradScaler();
    after.loadStateDict(before.stateDict());
    await step(after, optimizer, w, 1);
    expect(after.getScale()).toBe(16);
    expect(() => after.loadStateDict({})).toThrow('expected what stateDict() gave, got nothing');
  });
});

describe('unscale_', () => {
  test('comes before step for code that looks at gradients, such as clipping', async () => {
    const w = leaf(1, 1);
    const optimizer = new SGD([w], { lr: 1 });
    const scaler = new GradScaler();
    scaler.scale(w.mul(sg.tensor([3, 100])).sum()).backward();
    scaler.unscale_(optimizer);
    expectClose(await w.grad!.data(), [3, 100]);
    w.grad = w.grad!.clamp(-5, 5);
    expect(await scaler.step(optimizer)).toBe(true);
    scaler.update();
    expect(await w.toArray()).toEqual([-2, -4]);
  });

  test('and step refuse what is out of order', async () => {
    const w = leaf(1);
    const optimizer = new SGD([w], { lr: 1 });
    const scaler = new GradScaler();
    expect(() => scaler.update()).toThrow('expected a step() before it, got none');
    expect(() => scaler.unscale_(optimizer)).toThrow(
      'expected parameters with gradients, got none',
    );
    await expect(scaler.step(optimizer)).rejects.toThrow(sg.AutogradError);
    scaler.scale(w.mul(2).sum()).backward();
    scaler.unscale_(optimizer);
    expect(() => scaler.unscale_(optimizer)).toThrow('unscale_() has run before');
    await scaler.step(optimizer);
    expect(() => scaler.unscale_(optimizer)).toThrow('step() has run for this optimizer');
    await expect(scaler.step(optimizer)).rejects.toThrow('Call update() once at the end');
    scaler.update();
    scaler.scale(w.mul(2).sum()).backward();
    scaler.unscale_(optimizer); // its flag is freed with update()
    scaler.update(1);
  });
});

describe('a scaler', () => {
  test('that is not enabled does nothing', async () => {
    const w = leaf(1);
    const optimizer = new SGD([w], { lr: 1 });
    const scaler = new GradScaler({ enabled: false });
    const loss = w.mul(2).sum();
    expect(scaler.scale(loss)).toBe(loss);
    loss.backward();
    scaler.unscale_(optimizer);
    expect(await scaler.step(optimizer)).toBe(true);
    scaler.update();
    expect([scaler.getScale(), await w.item(), scaler.stateDict()]).toEqual([1, -1, {}]);
    scaler.loadStateDict({});
  });

  plainTest.each([
    [{ initScale: 0 }, 'an initScale above 0, got 0'],
    [{ growthFactor: 1 }, 'a growthFactor above 1, got 1'],
    [{ backoffFactor: 1 }, 'a backoffFactor above 0 and below 1, got 1'],
    [{ growthInterval: 0.5 }, 'a whole growthInterval from 1 up, got 0.5'],
  ])('refuses %o', (options, message) => {
    expect(() => new GradScaler(options)).toThrow(sg.ArgumentError);
    expect(() => new GradScaler(options)).toThrow(`GradScaler: expected ${message}`);
  });

  test('refuses a loss of integers', () => {
    const loss = sg.tensor(1, { dtype: 'i32' });
    expect(() => new GradScaler().scale(loss)).toThrow(sg.DTypeError);
  });

  test('unscales large gradients whole', async () => {
    const w = sg.ones([70000]).requiresGrad_();
    const optimizer = new SGD([w], { lr: 1 });
    const scaler = new GradScaler({ initScale: 16 });
    const bad = sg.ones([70000]);
    scaler.scale(w.mul(bad).sum()).backward();
    expect(await scaler.step(optimizer)).toBe(true);
    scaler.update();
    expect(new Set(await w.data())).toEqual(new Set([0]));
    for (const at of [0, 16384, 69999]) {
      const values = new Float32Array(70000);
      values[at] = NaN;
      w.grad = sg.tensor(values);
      expect(await scaler.step(optimizer), `NaN at ${at}`).toBe(false);
      scaler.update();
    }
    optimizer.zeroGrad();
  });
});
