import * as sg from 'shadegrad';
import { describe, expect } from 'vitest';
import { Op, type Gradients } from '../../src/autograd/op.js';
import { Unary } from '../../src/autograd/ops/unary.js';
import type { GpuArray } from '../../src/gpu/gpuArray.js';
import { apply } from '../../src/tensor/tensor.js';
import { expectClose } from '../support/compare.js';
import { tidyTest as test } from '../support/tidyTest.js';

const leaf = (values: number[]) => sg.tensor(values, { requiresGrad: true });

/** Compares the gradient of `x` and frees it. */
async function expectGrad(x: sg.Tensor, expected: number[]): Promise<void> {
  expect(x.grad, 'a gradient').not.toBeNull();
  expect(x.grad!.shape).toEqual(x.shape);
  expectClose(await x.grad!.data(), expected);
  x.grad = null;
}

describe('a gradient', () => {
  test('adds up over every use of a tensor', async () => {
    using x = leaf([1, 2, 3]);
    x.mul(x).add(x).sum().backward(); // x^2 + x
    await expectGrad(x, [3, 5, 7]);
  });

  test('adds up over the paths of a diamond', async () => {
    using x = leaf([0, 0.5]);
    const h = x.exp();
    h.mul(h).add(h.mul(3)).sub(h.square()).sum().backward(); // 3 h
    await expectGrad(x, [3, 3 * Math.exp(0.5)]);
  });

  test('adds up over calls of backward until it is cleared, in place', async () => {
    using x = leaf([1, 2]);
    x.mul(3).sum().backward();
    const seen = x.grad!;
    x.square().sum().backward();
    expect(x.grad).toBe(seen);
    expectClose(await seen.data(), [5, 7]);
    x.grad = null;
    await expect(seen.data()).rejects.toThrow('its gradient was cleared, by zeroGrad()');
    x.square().sum().backward();
    await expectGrad(x, [2, 4]);
  });

  test('goes to those leaves alone that want one', async () => {
    using w = leaf([2, 3]);
    using constant = sg.tensor([5, 7]);
    const frozen = leaf([1, 1]).requiresGrad_(false);
    const loss = w.mul(constant).add(frozen).sum();
    expect(loss.requiresGrad).toBe(true);
    expect(constant.mul(frozen).requiresGrad).toBe(false);
    loss.backward();
    await expectGrad(w, [5, 7]);
    expect([constant.grad, frozen.grad, loss.grad]).toEqual([null, null, null]);
    frozen.dispose();
  });

  test('of a leaf by itself is 1', async () => {
    using x = sg.tensor(4, { requiresGrad: true });
    x.backward();
    x.backward();
    await expectGrad(x, [2]);
  });

  test('passes through a thousand ops', async () => {
    using x = leaf([1]);
    let y: sg.Tensor = x;
    for (let i = 0; i < 1000; i++) y = y.mul(1.001);
    y.backward();
    expect(await x.grad!.item()).toBeCloseTo(1.001 ** 1000, 3);
  });

  test('follows the order of recording, not that of the making of op objects', async () => {
    using x = leaf([0.5]);
    // Arguments are evaluated first: the outer op is made before the inner one.
    apply(new Unary('square'), apply(new Unary('exp'), x)).backward();
    await expectGrad(x, [2 * Math.exp(1)]);
  });

  test('may be given from outside, and stays as it was', async () => {
    using x = leaf([1, 2, 3, 4, 5, 6]);
    using gradient = sg.tensor([
      [1, -1],
      [2, -2],
      [0, 10],
    ]);
    x.reshape([3, 2]).backward({ gradient });
    x.mul(10).reshape([3, 2]).backward({ gradient });
    expectClose(await x.grad!.data(), [11, -11, 22, -22, 0, 110]);
    expectClose(await gradient.data(), [1, -1, 2, -2, 0, 10]);
    x.backward({ gradient: x.detach() });
    expectClose(await x.data(), [1, 2, 3, 4, 5, 6]);
    await expectGrad(x, [12, -9, 25, -18, 5, 116]);
  });
});

describe('gradients that share memory', () => {
  test('of two leaves are kept apart', async () => {
    using a = leaf([1, 2]);
    using b = leaf([3, 4]);
    a.add(b).sum().backward(); // both get the very dy
    a.square().sum().backward();
    await expectGrad(b, [1, 1]);
    await expectGrad(a, [3, 5]);
  });

  test('within the graph are kept apart', async () => {
    using x = leaf([1, 2]);
    using k = leaf([5, 6]);
    const inner = k.mul(2);
    const h = x.mul(2);
    const tripled = h.mul(3);
    const both = h.add(inner); // h and inner get the very dy, and h gets more before inner is done
    both.add(tripled).sum().backward();
    await expectGrad(k, [2, 2]);
    await expectGrad(x, [8, 8]);
  });

  test('of views of one leaf add up', async () => {
    using x = leaf([1, 2, 3, 4]);
    const rows = x.reshape([2, 2]);
    rows
      .add(rows)
      .add(x.reshape([2, 2]))
      .sum()
      .backward();
    await expectGrad(x, [3, 3, 3, 3]);
  });
});

describe('backward refuses', () => {
  test('a tensor without a graph', () => {
    using x = sg.tensor([1]);
    expect(() => x.backward()).toThrow(sg.AutogradError);
    expect(() => x.backward()).toThrow('expected a tensor that requires grad');
    const y = sg.noGrad(() => x.requiresGrad_().mul(2));
    expect(() => y.backward()).toThrow('do not compute it within noGrad()');
    y.dispose();
  });

  test('more than one element without a gradient, and a gradient of another shape', () => {
    using x = leaf([1, 2]);
    using y = x.mul(2);
    expect(() => y.backward()).toThrow(sg.AutogradError);
    expect(() => y.backward()).toThrow('expected a tensor of one element, got (2,)');
    using gradient = sg.tensor([[1, 1]]);
    expect(() => y.backward({ gradient })).toThrow('backward: expected gradient (2,), got (1, 2)');
    using integers = sg.tensor([1, 1], { dtype: 'i32' });
    expect(() => y.backward({ gradient: integers })).toThrow('expected gradient of f32, got i32');
    y.sum().backward(); // nothing was consumed by what was refused
    x.grad = null;
  });

  test('a graph that it consumed before', async () => {
    using x = leaf([1, 2]);
    const loss = x.square().sum();
    loss.backward();
    expect(() => loss.backward()).toThrow(sg.AutogradError);
    expect(() => loss.backward()).toThrow('Pass { retainGraph: true } to the first backward()');
    await expectGrad(x, [2, 4]);
  });

  test('a part of a graph that it consumed before, and changes nothing', async () => {
    using x = leaf([1, 2]);
    const trunk = x.exp();
    const [first, second] = [trunk.sum(), trunk.square().sum()];
    first.backward();
    expect(() => second.backward()).toThrow('Pass { retainGraph: true } to the first backward()');
    await expectGrad(x, [Math.E, Math.E ** 2]);
  });
});

describe('requiresGrad_', () => {
  test('starts and ends the gradients of a leaf, and refuses other tensors', async () => {
    using x = sg.tensor([2]).requiresGrad_();
    x.square().backward();
    await expectGrad(x, [4]);
    expect(x.requiresGrad_(false).square().requiresGrad).toBe(false);

    const integers = sg.tensor([1], { dtype: 'i32' });
    expect(() => integers.requiresGrad_()).toThrow(sg.DTypeError);
    expect(() => new sg.nn.Parameter(integers)).toThrow(
      'expected f32 or f16 for a tensor that requires',
    );
    expect(integers.requiresGrad_(false).requiresGrad).toBe(false);
    x.requiresGrad_();
    const hidden = x.square();
    expect(hidden.requiresGrad_()).toBe(hidden);
    expect(() => hidden.requiresGrad_(false)).toThrow(sg.AutogradError);
    expect(() => hidden.requiresGrad_(false)).toThrow('the result of square. Use detach()');
  });
});

describe('retainGraph', () => {
  test('lets backward run again, through all or through a shared part', async () => {
    using x = leaf([1, 2]);
    const trunk = x.exp();
    const [first, second] = [trunk.sum(), trunk.square().sum()];
    first.backward({ retainGraph: true });
    first.backward({ retainGraph: true });
    second.backward();
    await expectGrad(
      x,
      [1, 2].map((value) => 2 * Math.exp(value) + 2 * Math.exp(2 * value)),
    );
    // `first` has no backward any more, since the trunk is gone: it ends with its step.
    expect(() => first.backward()).toThrow('backward ran through this part of the graph before');
    expect(await first.item()).toBeCloseTo(Math.E + Math.E ** 2, 3);
  });
});

describe('two graphs at once', () => {
  test('do not touch each other', async () => {
    using a = leaf([1, 2]);
    using b = leaf([3, 4]);
    const hiddenB = b.square();
    const hiddenA = a.exp();
    const lossA = hiddenA.sum();
    lossA.backward(); // between two ops of the other one
    const lossB = hiddenB.mul(2).sum();
    lossB.backward();
    await expectGrad(a, [Math.E, Math.E ** 2]);
    await expectGrad(b, [12, 16]);
  });

  test('may be joined', async () => {
    using a = leaf([1]);
    using b = leaf([2]);
    const [x, y] = [a.square(), b.square()];
    const [u, v] = [x.mul(3), y.mul(5)];
    u.add(v).mul(x).backward(); // (3 a^2 + 5 b^2) a^2
    await expectGrad(a, [12 + 40]);
    await expectGrad(b, [20]);
  });

  test('train against each other: loss of one on the detached output of the other', async () => {
    using g = leaf([2]);
    using d = leaf([3]);
    const fake = g.square();
    const lossD = d.mul(fake.detach()); // d g^2
    lossD.backward();
    await expectGrad(d, [4]);
    expect(g.grad).toBeNull();
    const lossG = d.mul(fake).square(); // d^2 g^4
    lossG.backward();
    await expectGrad(g, [9 * 4 * 8]);
    await expectGrad(d, [2 * 3 * 16]);
  });
});

/** y = 2 x, with a backward of the test's choice. */
class Doubled extends Op {
  readonly name = 'doubled';

  constructor(private readonly back: (dy: GpuArray) => Gradients) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    this.save(x);
    return x.copy();
  }

  backward(dy: GpuArray): Gradients {
    return this.back(dy);
  }
}

describe('an op', () => {
  test('that throws in backward or gives a wrong gradient leaves no memory behind', () => {
    using x = leaf([1, 2]);
    const failing = new Doubled(() => {
      throw new Error('within');
    });
    const wrong = new Doubled((dy) => dy.share([1, 2]));
    for (const [op, message] of [
      [failing, 'within'],
      [wrong, 'doubled.backward: expected a gradient (2,), got (1, 2)'],
    ] as const) {
      const before = sg.memory().bytesInUse;
      sg.tidy(() => {
        const loss = apply(op, x.mul(2)).sum();
        expect(() => loss.backward()).toThrow(message);
      });
      expect(x.grad).toBeNull();
      // The part of the graph behind the op was not reached.
      expect(sg.memory().bytesInUse).toBe(before);
    }
  });

  test('may have no gradient for an input', async () => {
    using x = leaf([1, 2]);
    apply(new Doubled(() => null), x.mul(2))
      .add(x)
      .sum()
      .backward();
    await expectGrad(x, [1, 1]);
  });

  test('that throws in forward gives back what it had saved', () => {
    class Throwing extends Doubled {
      override forward(x: GpuArray): GpuArray {
        this.save(x);
        throw new Error('forward');
      }
    }
    const before = sg.memory();
    const x = leaf([1]);
    expect(() => apply(new Throwing(() => null), x)).toThrow('forward');
    x.dispose();
    expect(sg.memory()).toMatchObject({ bytesInUse: before.bytesInUse, arrays: before.arrays });
  });
});

describe('a change in place is noticed', () => {
  test('where backward needs the values of before', () => {
    using x = leaf([1, 2]);
    const loss = x.square().sum();
    sg.noGrad(() => x.fill_(5));
    expect(() => loss.backward()).toThrow(sg.AutogradError);
    expect(() => loss.backward()).toThrow(
      'square: a tensor that backward needs was changed in place after forward. ' +
        'Call backward() before optimizer.step() or copy_().',
    );
    expect(x.grad).toBeNull();
  });

  test('and passed over where it does not', async () => {
    using x = leaf([1, 2]);
    const loss = x.mul(3).sum();
    sg.noGrad(() => x.fill_(5));
    loss.backward();
    await expectGrad(x, [3, 3]);
  });

  test('through a view and by an optimizer', () => {
    using w = leaf([1, 2]);
    const optimizer = new sg.optim.SGD([w], { lr: 0.1 });
    w.sum().backward();
    const viaStep = w.square().sum();
    optimizer.step();
    expect(() => viaStep.backward()).toThrow('changed in place');
    const viaView = w.square().sum();
    w.detach().reshape([1, 2]).fill_(0);
    expect(() => viaView.backward()).toThrow('changed in place');
  });
});
