import * as sg from 'shadegrad';
import { describe, expect } from 'vitest';
import { expectClose } from '../support/compare.js';
import { tidyTest as test } from '../support/tidyTest.js';

const leaf = (...values: number[]) => sg.tensor(values, { requiresGrad: true });

/** A hook that notes `name` when it is called. */
const noting = (calls: string[], name: string) => () => void calls.push(name);

describe('registerHook on a hidden tensor', () => {
  test('sees the gradient that adds up over its uses, once', async () => {
    const x = leaf(1, 2);
    const h = x.mul(2);
    const seen: sg.Tensor[] = [];
    h.registerHook((grad) => void seen.push(grad.retain()));
    h.mul(3).add(h.square()).sum().backward(); // dh = 3 + 2 h
    expect(seen.length).toBe(1);
    expect(await seen[0]!.toArray()).toEqual([7, 11]);
    expect(seen[0]!.requiresGrad).toBe(false);
    expect(await x.grad!.toArray()).toEqual([14, 22]);
    seen[0]!.dispose();
  });

  test('may replace the gradient, for the hooks after it and for what follows', async () => {
    const x = leaf(1, 2);
    const h = x.mul(2).retainGrad();
    const second: sg.Tensor[] = [];
    h.registerHook((grad) => grad.mul(10));
    h.registerHook((grad) => void second.push(grad.retain()));
    h.registerHook((grad) => grad.add(1));
    h.sum().backward();
    expect(await second[0]!.toArray()).toEqual([10, 10]);
    expect(await x.grad!.toArray()).toEqual([22, 22]);
    expect(await h.grad!.toArray(), 'retainGrad comes after all hooks').toEqual([11, 11]);
    second[0]!.dispose();
  });

  test('runs for the loss itself, in reverse order of the ops, and at each backward', () => {
    const calls: string[] = [];
    const x = leaf(1, 2);
    x.registerHook(noting(calls, 'x'));
    const h = x.mul(2);
    h.registerHook(noting(calls, 'h'));
    h.registerHook(noting(calls, 'h again'));
    const loss = h.sum();
    loss.registerHook(noting(calls, 'loss'));
    loss.backward({ retainGraph: true });
    expect(calls).toEqual(['loss', 'h', 'h again', 'x']);
    loss.backward();
    expect(calls.length).toBe(8);
  });

  test('is not called where no gradient comes, nor after remove()', () => {
    const calls: string[] = [];
    const x = leaf(1, 2);
    const [h, aside] = [x.mul(2), x.mul(3)];
    const handle = h.registerHook(noting(calls, 'removed'));
    h.registerHook(noting(calls, 'stays'));
    aside.registerHook(noting(calls, 'aside'));
    handle.remove();
    handle.remove();
    h.sum().backward();
    expect(calls).toEqual(['stays']);
  });
});

describe('registerHook on a leaf', () => {
  test('sees the sum over all uses of one backward, before it is added to grad', async () => {
    const w = leaf(1, 2);
    const seen: sg.Tensor[] = [];
    const handle = w.registerHook((grad) => {
      seen.push(grad.retain());
      return grad.mul(2);
    });
    w.mul(w).add(w).sum().backward(); // 2 w + 1
    expect(await seen[0]!.toArray()).toEqual([3, 5]);
    expect(await w.grad!.toArray()).toEqual([6, 10]);
    w.mul(3).sum().backward();
    expect(seen.length).toBe(2);
    expect(await seen[1]!.toArray()).toEqual([3, 3]);
    expect(await w.grad!.toArray()).toEqual([12, 16]);
    handle.remove();
    w.mul(3).sum().backward();
    expect(await w.grad!.toArray()).toEqual([15, 19]);
    w.registerHook((grad) => grad.neg());
    w.backward({ gradient: sg.ones([2]) });
    expect(await w.grad!.toArray()).toEqual([14, 18]);
    for (const grad of seen) grad.dispose();
  });

  test('runs as soon as its last use is behind', () => {
    const calls: string[] = [];
    const [early, late] = [leaf(1), leaf(1)];
    early.registerHook(noting(calls, 'early'));
    late.registerHook(noting(calls, 'late'));
    const h = early.mul(2);
    h.registerHook(noting(calls, 'h'));
    h.mul(late).add(late).sum().backward();
    expect(calls).toEqual(['late', 'h', 'early']);
  });

  test('may return a tensor that is kept elsewhere, which grad does not share', async () => {
    const w = leaf(1, 2);
    const mask = sg.tensor([0, 1]);
    w.registerHook(() => mask);
    w.mul(3).sum().backward();
    w.mul(3).sum().backward();
    expect(await w.grad!.toArray()).toEqual([0, 2]);
    expect(await mask.toArray()).toEqual([0, 1]);
  });

  test('frees the gradient and what was computed from it', async () => {
    const w = leaf(1, 2);
    let kept: sg.Tensor | undefined;
    w.registerHook((grad) => {
      kept = grad;
      grad.square().sum();
    });
    sg.tidy(() => w.mul(3).sum().backward());
    w.grad = null;
    await expect(kept!.data()).rejects.toThrow('Call retain() on it before that to keep it');
    const before = sg.memory().bytesInUse;
    sg.tidy(() => w.mul(3).sum().backward());
    w.grad = null;
    expect(sg.memory().bytesInUse).toBe(before);
  });
});

describe('a hook fails', () => {
  test('on a tensor without gradient', () => {
    const x = sg.tensor([1]);
    for (const run of [() => x.registerHook(() => {}), () => x.retainGrad()]) {
      expect(run).toThrow(sg.AutogradError);
      expect(run).toThrow('expected a tensor that requires grad, got one that does not');
    }
  });

  test('if it returns what is no gradient of the tensor, or throws; and no memory is left', () => {
    const integers = sg.tensor([1, 1], { dtype: 'i32' });
    const wrong: [(grad: sg.Tensor) => never, unknown][] = [
      [
        (grad) => grad.sum() as never,
        'registerHook: expected a gradient (2,) from the hook, got ()',
      ],
      [() => integers as never, 'registerHook: expected a gradient of f32 from the hook, got i32'],
      [() => 3 as never, 'expected a hook that returns a Tensor or nothing, got number'],
      [() => Promise.resolve() as never, 'a Tensor or nothing, got a promise'],
      [
        () => {
          throw new Error('within');
        },
        'within',
      ],
    ];
    for (const make of [(x: sg.Tensor) => x, (x: sg.Tensor) => x.mul(2)]) {
      for (const [hook, message] of wrong) {
        const before = sg.memory();
        sg.tidy(() => {
          const x = leaf(1, 2);
          const hooked = make(x);
          hooked.registerHook(hook);
          const loss = hooked.exp().sum();
          expect(() => loss.backward()).toThrow(message as string);
          expect(x.grad).toBeNull();
        });
        expect(sg.memory()).toMatchObject({ bytesInUse: before.bytesInUse, arrays: before.arrays });
      }
    }
  });
});

describe('retainGrad', () => {
  test('keeps tensor and gradient until the next step begins', async () => {
    const x = leaf(1, 2);
    const h = x.square().retainGrad();
    expect(h.grad).toBeNull();
    h.mul(3).mul(2).sum().backward();
    expect(await h.grad!.toArray()).toEqual([6, 6]);
    expect(await h.toArray()).toEqual([1, 4]);
    const { grad } = h;
    x.mul(1);
    await expect(h.data()).rejects.toThrow('a new training step has begun');
    await expect(grad!.data()).rejects.toThrow(sg.DisposedError);
    expect(h.grad).toBeNull();
  });

  test('with retain(), until dispose(); gradients add up over backwards', async () => {
    const x = leaf(1, 2);
    const h = x.square().retainGrad().retain();
    const loss = h.mul(3).sum();
    loss.backward({ retainGraph: true });
    loss.backward();
    x.mul(1).sum().backward();
    expectClose(await h.grad!.data(), [6, 6]);
    const before = sg.memory().bytesInUse;
    h.dispose();
    expect(sg.memory().bytesInUse).toBe(before - 2 * 256);
  });

  test('changes nothing for a leaf, and memory stays flat over steps', async () => {
    const x = leaf(1, 2);
    expect(x.retainGrad()).toBe(x);
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) {
      x.exp().retainGrad().mul(2).retainGrad().sum().backward();
      seen.push(sg.memory().bytesInUse);
    }
    expect(new Set(seen.slice(1)).size, seen.join(', ')).toBe(1);
    expect(await x.grad!.data()).toHaveLength(2);
  });

  test('of a loss is 1', async () => {
    const loss = leaf(1, 2).sum().retainGrad();
    loss.backward();
    expect(await loss.grad!.item()).toBe(1);
  });
});
