import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { isGradEnabled, unscoped } from '../../src/autograd/scope.js';
import { tidyTest } from '../support/tidyTest.js';

const SCOPES = [
  ['tidy', sg.tidy],
  ['noGrad', sg.noGrad],
] as const;
const FLOAT = 256; // bytes that a small tensor takes

describe.each(SCOPES)('%s', (name, scope) => {
  test('frees what it does not return, and says so', async () => {
    const before = sg.memory();
    let inner!: sg.Tensor;
    const y = scope(() => {
      inner = sg.ones([2]);
      return inner.add(1).mul(2);
    });
    expect(sg.memory()).toMatchObject({
      bytesInUse: before.bytesInUse + FLOAT,
      arrays: before.arrays + 1,
    });
    expect(await y.toArray()).toEqual([4, 4]);
    await expect(inner.data()).rejects.toThrow(sg.DisposedError);
    await expect(inner.data()).rejects.toThrow(
      `tensor (2,): expected a live tensor, got one that was freed: ${name}() frees every tensor made in it that it does not return. Call retain()`,
    );
    y.dispose();
  });

  test('keeps what it returns within arrays, maps, sets and plain objects', () => {
    const before = sg.memory().bytesInUse;
    const make = () => sg.ones([1]);
    const [array, map, set, object, bare] = scope(() => {
      make();
      const bare = Object.assign(Object.create(null) as object, { tensor: make() });
      return [
        [make(), [make()] as sg.Tensor[]],
        new Map([['key', make()]]),
        new Set([make()]),
        { tensor: make(), deep: { list: [null, 3, make()] } },
        bare,
      ] as const;
    });
    expect(sg.memory().bytesInUse - before).toBe(7 * FLOAT);
    const kept = [
      array[0],
      ...array[1],
      ...map.values(),
      ...set,
      object.tensor,
      object.deep.list[2],
      bare.tensor,
    ];
    for (const tensor of kept) (tensor as sg.Tensor).dispose();
  });

  test('survives a result that contains itself', () => {
    const result = scope(() => {
      const cycle: { tensor: sg.Tensor; self?: unknown } = { tensor: sg.ones([1]) };
      cycle.self = cycle;
      return cycle;
    });
    result.tensor.dispose();
  });

  test('does not look into objects of classes', () => {
    class Holder {
      constructor(readonly tensor: sg.Tensor) {}
    }
    const holder = scope(() => new Holder(sg.ones([1])));
    expect(holder.tensor.isFreed).toBe(true);
  });

  test('nests: what an inner one returns belongs to the outer one', () => {
    const before = sg.memory().bytesInUse;
    const [a, b] = [sg.ones([1]), sg.ones([1])];
    const y = scope(() => {
      const kept = scope(() => [a.add(1), a.add(2)] as const);
      expect(kept.map((t) => t.isFreed)).toEqual([false, false]);
      return scope(() => kept[1].add(b));
    });
    expect(sg.memory().bytesInUse - before).toBe(3 * FLOAT);
    for (const tensor of [a, b, y]) tensor.dispose();
  });

  test('lasts until the promise of an async function settles', async () => {
    const before = sg.memory().bytesInUse;
    const y = await scope(async () => {
      const x = sg.ones([2]);
      expect(await x.toArray()).toEqual([1, 1]);
      const z = x.add(4);
      await Promise.resolve();
      return { z };
    });
    expect(await y.z.toArray()).toEqual([5, 5]);
    expect(sg.memory().bytesInUse - before).toBe(FLOAT);
    y.z.dispose();
  });

  test('frees everything when it throws or rejects', async () => {
    const before = sg.memory().bytesInUse;
    const sync = () =>
      scope(() => {
        sg.ones([1]);
        throw new Error('sync');
      });
    const async = () =>
      scope(async () => {
        sg.ones([1]);
        await Promise.resolve();
        sg.ones([1]);
        throw new Error('async');
      });
    expect(sync).toThrow('sync');
    await expect(async()).rejects.toThrow('async');
    expect(sg.memory().bytesInUse).toBe(before);
    expect(isGradEnabled()).toBe(true);
    const outside = sg.ones([1]);
    expect(outside.isFreed, 'no scope is open any more').toBe(false);
    outside.dispose();
  });

  test('frees neither retained tensors, parameters, nor what it did not make', () => {
    const before = sg.ones([1]);
    const [kept, layer] = (() => {
      let found!: [sg.Tensor, sg.nn.Module];
      scope(() => {
        found = [sg.ones([1]).retain(), new sg.nn.Linear(2, 3)];
      });
      return found;
    })();
    expect([before, kept, ...layer.parameters()].map((t) => t.isFreed)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    const unowned = scope(() => {
      unscoped(() => sg.ones([1])).dispose();
      return null;
    });
    expect(unowned).toBeNull();
    before.dispose();
    kept.dispose();
    layer.dispose();
  });
});

describe('tidy', () => {
  test('leaves a graph to what it returns or retains, with the arrays that backward needs', async () => {
    using x = sg.tensor([1, 2], { requiresGrad: true });
    const before = sg.memory().bytesInUse;
    let retained!: sg.Tensor;
    const loss = sg.tidy(() => {
      retained = sg.tidy(() => x.exp().square().retain());
      const h = x.square();
      return h.mul(h).sum();
    });
    loss.backward();
    expect(await x.grad!.toArray()).toEqual([4, 32]);
    retained.sum().backward();
    const expected = [1, 2].map((value, i) => 4 * value ** 3 + 2 * Math.exp(2 * value) + 0 * i);
    for (const [i, value] of (await x.grad!.data()).entries()) {
      expect(value / expected[i]!).toBeCloseTo(1, 5);
    }
    x.grad = null;
    retained.dispose();
    sg.tidy(() => x.mul(1).sum().backward()); // begins a step, which frees the losses
    x.grad = null;
    expect(sg.memory().bytesInUse).toBe(before);
  });

  test('frees what backward would have needed, where none can come', () => {
    using x = sg.tensor([1, 2], { requiresGrad: true });
    const before = sg.memory().bytesInUse;
    sg.tidy(() => void x.exp().square().sum());
    sg.tidy(() => {
      x.exp().dispose();
    });
    const outer = x.exp();
    const held = sg.memory().bytesInUse;
    sg.tidy(() => void outer.square().sum());
    expect(sg.memory().bytesInUse, 'the outer graph stays').toBe(held);
    using gradient = sg.ones([2]);
    outer.backward({ gradient });
    x.grad = null;
    outer.dispose();
    expect(sg.memory().bytesInUse).toBe(before + FLOAT); // the gradient given
  });

  test('keeps the gradients of leaves', async () => {
    using x = sg.tensor([3], { requiresGrad: true });
    sg.tidy(() => x.square().backward());
    expect(await x.grad!.toArray()).toEqual([6]);
  });
});

describe('noGrad', () => {
  tidyTest('records nothing, and recording goes on after it', () => {
    const x = sg.tensor([1], { requiresGrad: true });
    const y = sg.noGrad(() => {
      expect(isGradEnabled()).toBe(false);
      sg.noGrad(() => undefined);
      expect(isGradEnabled(), 'in the outer one still').toBe(false);
      return x.mul(2);
    });
    expect([y.requiresGrad, y.op]).toEqual([false, null]);
    expect(x.mul(2).requiresGrad).toBe(true);
    sg.tidy(() => expect(x.mul(2).requiresGrad).toBe(true));
    expect(() =>
      sg.noGrad(() => {
        throw new Error('within');
      }),
    ).toThrow('within');
    expect(isGradEnabled()).toBe(true);
  });

  test('of async functions may end in any order', async () => {
    let endFirst!: () => void;
    let endSecond!: () => void;
    const first = sg.noGrad(() => new Promise<void>((resolve) => (endFirst = resolve)));
    const second = sg.noGrad(() => new Promise<void>((resolve) => (endSecond = resolve)));
    endFirst();
    await first;
    expect(isGradEnabled(), 'within the second').toBe(false);
    endSecond();
    await second;
    expect(isGradEnabled()).toBe(true);
  });

  tidyTest('makes leaves that may require grad', async () => {
    const w = sg.noGrad(() => sg.ones([2]).mul(3).requiresGrad_());
    w.square().sum().backward();
    expect(await w.grad!.toArray()).toEqual([6, 6]);
  });
});
