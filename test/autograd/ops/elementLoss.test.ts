import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { ELEMENT_LOSSES, logisticLoss, reduceLosses } from '../../reference/elementLoss.js';
import { checkOp, type OpInput } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';

const F = sg.nn.functional;

const REDUCTIONS = ['mean', 'sum', 'none'] as const;
const SHAPES = [[], [7], [17, 31], [2, 3, 5, 33]];

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A prediction and a target, which differ by up to 3. */
const pairOf = (shape: readonly number[]): OpInput[] => [
  { shape, data: uniform(sizeOf(shape), 1, -1.5, 1.5) },
  { shape, data: uniform(sizeOf(shape), 2, -1.5, 1.5) },
];

/** Logits and targets from 0 to 1. */
const logitsOf = (shape: readonly number[]): OpInput[] => [
  { shape, data: uniform(sizeOf(shape), 3, -4, 4) },
  { shape, data: uniform(sizeOf(shape), 4, 0, 1) },
];

describe.each(REDUCTIONS)('of reduction %s', (reduction) => {
  describe.each((reduction === 'mean' ? SHAPES : SHAPES.slice(2, 3)).map((shape) => ({ shape })))(
    'and shape $shape',
    ({ shape }) => {
      test('mseLoss', () =>
        checkOp({
          inputs: pairOf(shape),
          op: (x, t) => F.mseLoss(x!, t!, { reduction }),
          reference: (x, t) =>
            reduceLosses(x!, reduction, (v, i) => ELEMENT_LOSSES.mseLoss(v, t!.data[i]!)),
          options: { reduction },
        }));

      test('l1Loss', () =>
        checkOp({
          inputs: pairOf(shape),
          op: (x, t) => F.l1Loss(x!, t!, { reduction }),
          reference: (x, t) =>
            reduceLosses(x!, reduction, (v, i) => ELEMENT_LOSSES.l1Loss(v, t!.data[i]!)),
          options: { reduction },
        }));

      test.each([undefined, 0.3, 0])('smoothL1Loss with beta %s', (beta) =>
        checkOp({
          inputs: pairOf(shape),
          op: (x, t) => F.smoothL1Loss(x!, t!, { reduction, beta }),
          reference: (x, t) =>
            reduceLosses(x!, reduction, (v, i) =>
              ELEMENT_LOSSES.smoothL1Loss(v, t!.data[i]!, beta ?? 1),
            ),
          options: { reduction, beta },
        }),
      );

      test.each([undefined, 0.3])('huberLoss with delta %s', (delta) =>
        checkOp({
          inputs: pairOf(shape),
          op: (x, t) => F.huberLoss(x!, t!, { reduction, delta }),
          reference: (x, t) =>
            reduceLosses(x!, reduction, (v, i) =>
              ELEMENT_LOSSES.huberLoss(v, t!.data[i]!, delta ?? 1),
            ),
          options: { reduction, delta },
        }),
      );

      test('binaryCrossEntropyWithLogits', () =>
        checkOp({
          inputs: logitsOf(shape),
          op: (x, t) => F.binaryCrossEntropyWithLogits(x!, t!, { reduction }),
          reference: (x, t) => reduceLosses(x!, reduction, (v, i) => logisticLoss(v, t!.data[i]!)),
          options: { reduction },
        }));
    },
  );

  const shape = [4, 3, 5];
  const weight = { shape: [4, 1, 1], data: uniform(4, 5, 0.5, 2), grad: false };
  const posWeight = { shape: [5], data: uniform(5, 6, 0.5, 3), grad: false };
  const wOf = (i: number): number => weight.data[Math.floor(i / 15)]!;
  const pOf = (i: number): number => posWeight.data[i % 5]!;

  test('binaryCrossEntropyWithLogits with weights that broadcast', async () => {
    await checkOp({
      inputs: [...logitsOf(shape), weight, posWeight],
      op: (x, t, w, p) =>
        F.binaryCrossEntropyWithLogits(x!, t!, { reduction, weight: w, posWeight: p }),
      reference: (x, t) =>
        reduceLosses(x!, reduction, (v, i) => logisticLoss(v, t!.data[i]!, wOf(i), pOf(i))),
      options: { reduction, weight, posWeight },
    });
    await checkOp({
      inputs: [...logitsOf(shape), posWeight],
      op: (x, t, p) => F.binaryCrossEntropyWithLogits(x!, t!, { reduction, posWeight: p }),
      reference: (x, t) =>
        reduceLosses(x!, reduction, (v, i) => logisticLoss(v, t!.data[i]!, 1, pOf(i))),
    });
  });
});

test('binaryCrossEntropyWithLogits is precise from -1e4 to 1e4', async () => {
  const logits = [-1e4, -100, -20, 20, 100, 1e4];
  using x = sg.tensor([...logits, ...logits], { requiresGrad: true });
  using t = sg.tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  using losses = F.binaryCrossEntropyWithLogits(x, t, { reduction: 'none' });
  using ones = sg.ones([12]);
  losses.backward({ gradient: ones });
  const tiny = Math.exp(-20);
  const expected = [0, 0, tiny, 20, 100, 1e4, 1e4, 100, 20, tiny, 0, 0];
  const slopes = [0, 0, tiny, 1, 1, 1, -1, -1, -1, -tiny, 0, 0];
  const [values, gradient] = [await losses.data(), await x.grad!.data()];
  expected.forEach((loss, i) => {
    const exact = { absolute: 0, relative: 1e-5 };
    expectClose([values[i]!], [loss], exact, `loss ${i}`);
    expectClose([gradient[i]!], [slopes[i]!], exact, `slope ${i}`);
  });
});

test('at the target the losses and their gradients are 0; NaN is seen, and Inf', async () => {
  using x = sg.tensor([2, -0, NaN, Infinity], { requiresGrad: true });
  using t = sg.tensor([2, 0, 1, 1]);
  using ones = sg.ones([4]);
  for (const [loss, atInf] of [
    [F.mseLoss, Infinity],
    [F.l1Loss, 1],
    [F.smoothL1Loss, 1],
    [F.huberLoss, 1],
  ] as const) {
    x.grad = null;
    using losses = loss(x, t, { reduction: 'none' });
    losses.backward({ gradient: ones });
    expectClose(await losses.data(), [0, 0, NaN, Infinity]);
    const [first, second, , last] = await x.grad!.data();
    expectClose([first!, second!, last!], [0, 0, atInf]);
  }
});

test('the gradient reaches the input alone where the target needs none', async () => {
  using x = sg.tensor([1, 2], { requiresGrad: true });
  using t = sg.tensor([3, 0]);
  using loss = new sg.nn.MSELoss({ reduction: 'sum' }).forward(x, t);
  loss.backward();
  expectClose(await x.grad!.data(), [-4, 4]);
  expect(t.grad).toBeNull();
});

test.each([
  [17_000, 1e-6],
  [150_001, 2e-6],
])('the mean over %i elements keeps its digits', async (n, relative) => {
  using x = sg.tensor(uniform(n, 1, 0, 1));
  using t = sg.zeros([n]);
  using loss = F.mseLoss(x, t);
  const expected = Array.from(await x.data()).reduce((sum, value) => sum + value * value, 0) / n;
  expectClose([await loss.item()], [expected], { absolute: 0, relative });
});

test('the layers are the functions', async () => {
  using x = sg.tensor([0.2, -1.5, 3]);
  using t = sg.tensor([0, 1, 0.5]);
  using posWeight = sg.tensor([2, 3, 4]);
  for (const [layer, expected] of [
    [new sg.nn.L1Loss(), F.l1Loss(x, t)],
    [new sg.nn.SmoothL1Loss({ beta: 2 }), F.smoothL1Loss(x, t, { beta: 2 })],
    [new sg.nn.HuberLoss({ delta: 2 }), F.huberLoss(x, t, { delta: 2 })],
    [
      new sg.nn.BCEWithLogitsLoss({ posWeight }),
      F.binaryCrossEntropyWithLogits(x, t, { posWeight }),
    ],
  ] as const) {
    const loss = layer.forward(x, t);
    expect(await loss.item()).toBe(await expected.item());
    loss.dispose();
    expected.dispose();
  }
});

test('losses of nothing: the mean is NaN, the sum 0', async () => {
  using x = sg.zeros([0, 3], { requiresGrad: true });
  using t = sg.zeros([0, 3]);
  using none = F.mseLoss(x, t, { reduction: 'none' });
  expect(none.shape).toEqual([0, 3]);
  using sum = F.l1Loss(x, t, { reduction: 'sum' });
  expect(await sum.item()).toBe(0);
  sum.backward();
  using mean = F.mseLoss(x, t);
  expect(await mean.item()).toBeNaN();
  mean.backward();
  expect(x.grad!.shape).toEqual([0, 3]);
});

test('losses refuse', () => {
  using x = sg.zeros([4, 3]);
  using column = sg.zeros([4, 1]);
  using integers = sg.zeros([4, 3], { dtype: 'i32' });
  using learnt = sg.ones([3], { requiresGrad: true });
  using large = sg.ones([2, 4, 3]);
  for (const name of ['mseLoss', 'l1Loss', 'smoothL1Loss', 'huberLoss'] as const) {
    expect(() => F[name](x, column)).toThrow(
      `${name}: expected target (4, 3), the shape of the input, got (4, 1)`,
    );
    expect(() => F[name](x, integers)).toThrow(`${name}: expected target of f32 or f16, got i32`);
    expect(() => F[name](integers, x)).toThrow(`${name}: expected input of f32 or f16, got i32`);
  }
  expect(() => F.mseLoss(x, x, { reduction: 'average' as 'mean' })).toThrow(
    "mseLoss: expected reduction 'mean', 'sum' or 'none', got average",
  );
  expect(() => F.smoothL1Loss(x, x, { beta: -1 })).toThrow('expected beta from 0 up, got -1');
  expect(() => F.huberLoss(x, x, { delta: 0 })).toThrow('expected delta above 0, got 0');
  const logistic = F.binaryCrossEntropyWithLogits;
  expect(() => logistic(x, x, { posWeight: large })).toThrow(
    'expected posWeight that broadcasts to the input (4, 3), got (2, 4, 3)',
  );
  expect(() => logistic(x, x, { weight: integers })).toThrow('expected weight of f32 or f16');
  expect(() => logistic(x, x, { posWeight: learnt })).toThrow(
    'expected posWeight that does not require grad',
  );
});
