import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { tidyTest } from '../support/tidyTest.js';

const { L1, L2 } = sg.nn;

function network(): sg.nn.Sequential {
  sg.manualSeed(2);
  return new sg.nn.Sequential(
    new sg.nn.Conv2d(1, 3, 3),
    new sg.nn.BatchNorm2d(3),
    new sg.nn.Sequential(new sg.nn.Flatten(), new sg.nn.Linear(12, 5)),
  );
}

async function sums(tensors: sg.Tensor[]): Promise<{ squares: number; sizes: number }> {
  let [squares, sizes] = [0, 0];
  for (const tensor of tensors) {
    for (const w of (await tensor.data()) as Float32Array) {
      squares += w * w;
      sizes += Math.abs(w);
    }
  }
  return { squares, sizes };
}

describe('the penalty', () => {
  tidyTest('is on kernels, of all modules below', async () => {
    const model = network();
    const kernels = [model.at(0)!.parameters()[0]!, model.at(2)!.parameters()[0]!];
    const { squares, sizes } = await sums(kernels);
    expect(await new L2(model, 0.25).penalty().item()).toBeCloseTo(0.25 * squares, 5);
    expect(await new L1(model, 0.25).penalty().item()).toBeCloseTo(0.25 * sizes, 5);
    expect(await new L2(model).penalty().item()).toBeCloseTo(0.01 * squares, 6);
    expect(new L2(model).parameters()).toEqual(kernels);
    model.dispose();
  });

  tidyTest('is on all parameters, where that is asked for', async () => {
    const model = network();
    const { squares } = await sums(model.parameters());
    const penalty = new L2(model, 1, { all: true }).penalty();
    expect(await penalty.item()).toBeCloseTo(squares, 4);
    model.dispose();
  });

  tidyTest('takes modules, parameters and names, each parameter once', () => {
    const model = network();
    const [convolution, norm, head] = [model.at(0)!, model.at(1)!, model.at(2)!];
    const weight = convolution.parameters()[0]!;
    const bias = norm.parameters()[1]!;
    const linear = head.parameters()[0]!;
    const of = (...targets: sg.nn.Regularized[]) => new L2(targets).parameters(model);
    expect(of('0')).toEqual([weight]);
    expect(of('0.weight', convolution, weight)).toEqual([weight]);
    expect(of('2.1', bias)).toEqual([linear, bias]);
    expect(of('', '1.bias')).toEqual([weight, linear, bias]);
    model.dispose();
  });

  tidyTest('has the gradients 2 f w and f sign(w)', async () => {
    const values = [-2, -0.5, 0, 1e-3, 3];
    const weight = new sg.nn.Parameter(sg.tensor([values]));
    new L2(weight, 0.1).penalty().backward();
    expect(await weight.grad!.toArray()).toEqual(
      [values.map((w) => Math.fround(w * 0.2))].map((row) =>
        row.map((g) => expect.closeTo(g, 6) as number),
      ),
    );
    weight.grad = null;
    new L1(weight, 0.5).penalty().backward();
    expect(await weight.grad!.toArray()).toEqual([[-0.5, -0.5, 0, 0.5, 0.5]]);
    weight.dispose();
  });
});

describe('refuses', () => {
  test.each([-1, NaN])('a factor of %s', (factor) => {
    expect(() => new L2('0', factor)).toThrow('L2: expected a factor from 0 up');
  });

  test('names that nothing has, and modules without kernels', () => {
    const model = network();
    expect(() => new L1('3').parameters(model)).toThrow(
      'L1: expected one of 0, 1, 2, 2.0, 2.1, 0.weight',
    );
    expect(() => new L1('0').penalty()).toThrow("expected a model to look names up in, got '0'");
    expect(() => new L2(model.at(1)!).penalty()).toThrow('Pass { all: true }');
    model.dispose();
  });
});
