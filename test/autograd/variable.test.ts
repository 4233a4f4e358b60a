import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { tidyTest } from '../support/tidyTest.js';

describe('dispose', () => {
  test('frees the memory and the gradient; a second call does nothing', async () => {
    const before = sg.memory();
    const x = sg.tensor([1, 2], { requiresGrad: true });
    sg.tidy(() => x.square().sum().backward());
    const gradient = x.grad!;
    x.dispose();
    x.dispose();
    expect(sg.memory()).toMatchObject({ bytesInUse: before.bytesInUse, arrays: before.arrays });
    expect([x.isFreed, gradient.isFreed]).toEqual([true, true]);
    expect(x.grad).toBeNull();
    await expect(x.data()).rejects.toThrow(
      'tensor (2,): expected a live tensor, got one that was freed: dispose() was called on it.',
    );
    expect(() => x.add(1)).toThrow(sg.DisposedError);
    expect(x.shape).toEqual([2]);
  });

  test('is what `using` calls', () => {
    let x!: sg.Tensor;
    {
      using y = sg.ones([1]);
      x = y;
      expect(x.isFreed).toBe(false);
    }
    expect(x.isFreed).toBe(true);
  });

  tidyTest('leaves to backward what it needs', async () => {
    const x = sg.tensor([1, 2], { requiresGrad: true });
    const factor = sg.tensor([3, 4]);
    const hidden = x.mul(factor);
    const loss = hidden.square().sum();
    factor.dispose();
    hidden.dispose();
    loss.backward();
    expect(await x.grad!.toArray()).toEqual([2 * 3 * 3, 2 * 8 * 4]);
  });

  test('of one handle leaves others on the same memory', async () => {
    const x = sg.tensor([1, 2]);
    const view = x.reshape([2, 1]);
    x.dispose();
    expect(await view.toArray()).toEqual([[1], [2]]);
    view.dispose();
  });

  test('before backward leaves no gradient behind', () => {
    const before = sg.memory().bytesInUse;
    sg.tidy(() => {
      const x = sg.tensor([1], { requiresGrad: true });
      const w = sg.tensor([2], { requiresGrad: true });
      const loss = x.mul(w);
      x.dispose();
      loss.backward();
      expect(x.grad).toBeNull();
      expect(w.grad).not.toBeNull();
    });
    expect(sg.memory().bytesInUse).toBe(before);
  });
});

describe('detach', () => {
  tidyTest('shares the memory and cuts the graph', async () => {
    const x = sg.tensor([1, 2], { requiresGrad: true });
    const hidden = x.mul(2);
    const cut = hidden.detach();
    expect([cut.requiresGrad, cut.op]).toEqual([false, null]);
    hidden.mul(cut).sum().backward(); // d/dx of 2 x c, c = 2 x
    expect(await x.grad!.toArray()).toEqual([4, 8]);
    expect(await cut.toArray()).toEqual([2, 4]);
  });

  tidyTest('of a parameter is changed with it', async () => {
    const x = sg.tensor([1, 2], { requiresGrad: true });
    const cut = x.detach();
    cut.fill_(7);
    expect(await x.toArray()).toEqual([7, 7]);
  });
});
