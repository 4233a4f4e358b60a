import * as sg from 'shadegrad';
import { describe, expect } from 'vitest';
import { Op } from '../../src/autograd/op.js';
import type { GpuArray } from '../../src/gpu/gpuArray.js';
import { defaultGenerator } from '../../src/random/generator.js';
import { apply } from '../../src/tensor/tensor.js';
import { unlessAll } from '../support/extent.js';
import { tidyTest as test } from '../support/tidyTest.js';

const { nn } = sg;
const { checkGradients } = sg.train;

/** y = 2 x, whose backward is off by a factor. */
class WrongDouble extends Op {
  readonly name = 'wrongDouble';

  constructor(private readonly factor: number) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    return sg.noGrad(() => new sg.Tensor(x.share()).mul(2).array.share());
  }

  backward(dy: GpuArray): GpuArray {
    return sg.noGrad(() => new sg.Tensor(dy.share()).mul(2 * this.factor).array.share());
  }
}

/** A module that does what a function says. */
class Lambda extends nn.Module {
  constructor(private readonly fn: (x: sg.Tensor) => sg.Tensor) {
    super();
  }

  forward(x: sg.Tensor): sg.Tensor {
    return this.fn(x);
  }
}

const dense = (middle: sg.nn.Module) =>
  new nn.Sequential(new nn.Linear(6, 12), new nn.Tanh(), middle, new nn.Linear(12, 3));

interface Checked {
  report: sg.train.GradientReport;
  /** layer.parameter of the rows that failed. */
  failed: string[];
}

async function check(
  model: sg.nn.Module,
  inputShape: number[],
  options?: sg.train.CheckGradientsOptions,
): Promise<Checked> {
  const x = sg.rand(inputShape);
  const target = sg.randint(0, 3, [inputShape[0]!]);
  const report = await checkGradients(model, x, target, options);
  model.dispose();
  const failed = report.rows.filter(({ passed }) => !passed);
  expect(report.passed).toBe(failed.length === 0);
  return { report, failed: failed.map(({ layer, parameter }) => `${layer}.${parameter}`) };
}

describe('passes', () => {
  test('for a network, with a row for each parameter and the loss', async () => {
    sg.manualSeed(1);
    const { report, failed } = await check(dense(new nn.Identity()), [5, 6]);
    expect(failed).toEqual([]);
    expect(report.rows.map((row) => [row.layer, row.parameter, row.shape, row.elements])).toEqual([
      ['(loss)', 'input', [5, 3], 15],
      ['0', 'weight', [12, 6], 72],
      ['0', 'bias', [12], 12],
      ['3', 'weight', [3, 12], 36],
      ['3', 'bias', [3], 3],
    ]);
    for (const { norm, absolute, along, across } of report.rows) {
      expect(norm).toBeGreaterThan(1e-3);
      expect(absolute).toBeGreaterThan(0);
      expect(absolute).toBeLessThan(norm);
      expect(along).toBeLessThan(0.01);
      expect(across).toBeLessThan(0.05);
    }
  });

  test('with corners, batch statistics and dropout, whose numbers stay the same', async () => {
    sg.manualSeed(2);
    const model = new nn.Sequential(
      new nn.Conv2d(2, 6, 3),
      new nn.BatchNorm2d(6),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Dropout(0.5),
      new nn.Linear(24, 3),
    );
    const { failed, report } = await check(model, [6, 2, 6, 6]);
    expect(failed).toEqual([]);
    // Batch norm takes away what the bias before it adds: rounding is left, and passes.
    expect(
      report.rows.find((row) => row.layer === '0' && row.parameter === 'bias')!.norm,
    ).toBeLessThan(1e-6);
  });

  test('for parameters that take no part, and leaves out frozen ones', async () => {
    sg.manualSeed(3);
    class Net extends nn.Module {
      readonly used = new nn.Linear(4, 3);
      readonly unused = new nn.Linear(4, 3);
      readonly frozen = new nn.Linear(4, 4).requiresGrad_(false);
      forward(x: sg.Tensor): sg.Tensor {
        return this.used.forward(this.frozen.forward(x));
      }
    }
    const { report, failed } = await check(new Net(), [3, 4]);
    expect(failed).toEqual([]);
    expect(report.rows.map(({ layer }) => layer)).toEqual([
      ...['(loss)', 'used', 'used'],
      ...['unused', 'unused'],
    ]);
    expect(report.rows.at(-1)).toMatchObject({ norm: 0, along: null, across: 0, absolute: 0 });
  });

  test('for another loss, and parameters of the network itself', async () => {
    sg.manualSeed(4);
    class Scale extends nn.Module {
      readonly factor = new nn.Parameter(sg.tensor([0.5, -2]));
      forward(x: sg.Tensor): sg.Tensor {
        return x.mul(this.factor).exp();
      }
    }
    const model = new Scale();
    const [x, target] = [sg.rand([4, 2]), sg.rand([4, 2])];
    const report = await checkGradients(model, x, target, { loss: new nn.MSELoss() });
    expect(report.passed).toBe(true);
    expect(report.rows[1]).toMatchObject({ layer: '', parameter: 'factor' });
    model.dispose();
  });
});

describe('fails', () => {
  for (const factor of unlessAll([0.9], [1.2, -1, 0.9])) {
    test(`for an op whose backward is off by ${factor}, before that op alone`, async () => {
      sg.manualSeed(5);
      const wrong = new Lambda((x) => apply(new WrongDouble(factor), x));
      const { failed } = await check(dense(wrong), [5, 6]);
      expect(failed).toEqual(['0.weight', '0.bias']);
    });
  }

  test('for a gradient that is all 0 where the numeric one is not', async () => {
    sg.manualSeed(6);
    const { failed, report } = await check(dense(new Lambda((x) => x.detach())), [5, 6]);
    expect(failed).toEqual(['0.weight', '0.bias']);
    expect(report.rows[1]).toMatchObject({ norm: 0, along: null, across: 1 });
    const nothing = await check(
      new nn.Sequential(new nn.Linear(4, 3), new Lambda((x) => x.detach())),
      [5, 4],
    );
    expect(nothing.failed).toEqual(['0.weight', '0.bias']);
  });

  test('for a part that is detached: half of the units of a large layer', async () => {
    sg.manualSeed(7);
    const half = new Lambda((x) => sg.cat([x.slice(1, 0, 64), x.slice(1, 64).detach()], 1));
    const model = new nn.Sequential(
      new nn.Linear(40, 128),
      new nn.ReLU(),
      half,
      new nn.Linear(128, 3),
    );
    const { failed, report } = await check(model, [5, 40]);
    expect(failed).toEqual(['0.weight', '0.bias']);
    // What is there is right, which the directions along it say.
    expect(report.rows[1]!.along).toBeLessThan(0.05);
  });

  test('for a loss whose gradient is wrong', async () => {
    sg.manualSeed(8);
    class WrongLoss extends nn.Module {
      forward(y: sg.Tensor, target: sg.Tensor): sg.Tensor {
        return nn.functional.crossEntropy(apply(new WrongDouble(1.5), y), target);
      }
    }
    const { failed } = await check(dense(new nn.Identity()), [5, 6], { loss: new WrongLoss() });
    expect(failed).toEqual(['(loss).input']);
  });

  test('for NaN', async () => {
    sg.manualSeed(9);
    const { failed } = await check(dense(new Lambda((x) => x.sub(3).log())), [5, 6]);
    expect(failed).toContain('0.weight');
  });

  test('by more than the tolerance', async () => {
    sg.manualSeed(5);
    const wrong = new Lambda((x) => apply(new WrongDouble(1.2), x));
    expect((await check(dense(wrong), [5, 6], { tolerance: 0.1 })).failed).not.toEqual([]);
    expect((await check(dense(wrong), [5, 6], { tolerance: 0.2 })).failed).toEqual([]);
  });
});

describe('leaves no trace', () => {
  test('in parameters, gradients, buffers, the random state and memory', async () => {
    sg.manualSeed(1);
    const model = new nn.Sequential(
      new nn.Linear(4, 5),
      new nn.BatchNorm1d(5),
      new nn.Dropout(0.3),
      new nn.Linear(5, 3),
    );
    const [x, target] = [sg.rand([6, 4]), sg.randint(0, 3, [6])];
    nn.functional.crossEntropy(model.forward(x), target).backward();
    const gradients = model.parameters().map(({ grad }) => grad);
    const values = async () =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(model.stateDict()).map(
            async ([key, t]) => [key, await t.toArray()] as const,
          ),
        ),
      );
    const [before, state, { bytesInUse }] = [await values(), defaultGenerator.state, sg.memory()];
    const report = await checkGradients(model, x, target);
    expect(await values()).toEqual(before);
    expect(model.parameters().map(({ grad }) => grad)).toEqual(gradients);
    expect(defaultGenerator.state).toEqual(state);
    expect(sg.memory().bytesInUse).toBeLessThanOrEqual(bytesInUse);
    // The same once more: directions come from a seed of their own.
    expect((await checkGradients(model, x, target)).rows).toEqual(report.rows);
    const other = await checkGradients(model, x, target, { seed: 2 });
    expect(other.rows).not.toEqual(report.rows);
    model.dispose();
  });

  test('if the loss or a later forward throws', async () => {
    sg.manualSeed(1);
    let calls = 0;
    const model = dense(
      new Lambda((x) => {
        if (++calls === 9) throw new Error('the ninth');
        return x;
      }),
    );
    const [x, target] = [sg.rand([5, 6]), sg.randint(0, 3, [5])];
    const weight = await model.parameters()[0]!.toArray();
    const { bytesInUse } = sg.memory();
    await expect(checkGradients(model, x, target)).rejects.toThrow('the ninth');
    expect(await model.parameters()[0]!.toArray()).toEqual(weight);
    const wrong = sg.randint(0, 3, [4]);
    await expect(checkGradients(model, x, wrong)).rejects.toThrow(sg.ShapeError);
    wrong.dispose();
    expect(sg.memory().bytesInUse).toBe(bytesInUse);
    model.dispose();
  });
});

test('the table has a line for each row, and says what failed', async () => {
  sg.manualSeed(1);
  const rows: string[] = [];
  const { report } = await check(dense(new Lambda((x) => apply(new WrongDouble(-1), x))), [5, 6], {
    onRow: ({ layer, parameter }, done, all) => rows.push(`${done}/${all} ${layer} ${parameter}`),
  });
  expect(rows).toEqual([
    '1/5 (loss) input',
    '2/5 0 weight',
    '3/5 0 bias',
    '4/5 3 weight',
    '5/5 3 bias',
  ]);
  const lines = String(report).split('\n');
  expect(lines[0]).toMatch(
    /^Layer +Parameter +Shape +Elements +Gradient +Absolute +Along +Across +Result$/,
  );
  expect(lines[2]).toMatch(/^\(loss\) +input +\(5, 3\) +15 .* pass$/);
  expect(lines[3]).toMatch(/^0 +weight +\(12, 6\) +72 +\d\.\de-\d .* FAIL$/);
  expect(lines.at(-1)).toBe(
    '2 of 5 differ by more than 0.05 along the gradient, or 0.25 across it.',
  );
});

test('refuses what it cannot check', async () => {
  const model = new nn.Linear(2, 3);
  const [x, target] = [sg.rand([2, 2]), sg.randint(0, 3, [2])];
  const run = (options: sg.train.CheckGradientsOptions) =>
    checkGradients(model, x, target, options);
  await expect(run({ samples: 0 })).rejects.toThrow(
    'checkGradients: expected samples of 1 or more',
  );
  await expect(run({ tolerance: 0 })).rejects.toThrow('expected a tolerance above 0, got 0');
  model.requiresGrad_(false);
  await expect(run({})).rejects.toThrow(
    'checkGradients: expected a model with parameters that require grad, got none',
  );
  model.dispose();
});
