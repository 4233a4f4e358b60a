import * as sg from 'shadegrad';
import { afterEach, describe, expect, test } from 'vitest';
import { withDevice } from '../support/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';

const { Buffer, Linear, Module, Parameter, ReLU, Sequential } = sg.nn;

const made: sg.nn.Module[] = [];
afterEach(() => {
  for (const module of made.splice(0)) module.dispose();
});

/** Its state is freed after the test. */
function own<M extends sg.nn.Module>(module: M): M {
  made.push(module);
  return module;
}

/** Something of each kind that a module may have. */
class Everything extends Module {
  readonly hiddenLayer = new Linear(2, 3);
  readonly blocks = [new Linear(1, 1, { bias: false }), new ReLU(), new Linear(1, 2)];
  readonly scales = [new Parameter([1]), new Parameter([2])];
  readonly runningMean = new Buffer([3]);
  readonly fc1 = new Sequential(new Sequential(new Linear(1, 1)), new ReLU());
  readonly W = new Parameter([1]);
  readonly nothing = null;
  readonly text = 'not a module';
  readonly list = [1, 'two', null];

  forward(x: sg.Tensor): sg.Tensor {
    return x;
  }
}

const KEYS = [
  'scales.0',
  'scales.1',
  'W',
  'hidden_layer.weight',
  'hidden_layer.bias',
  'blocks.0.weight',
  'blocks.2.weight',
  'blocks.2.bias',
  'fc1.0.0.weight',
  'fc1.0.0.bias',
];

describe('a module finds by walking its properties', () => {
  test('its parameters, under PyTorch’s keys, its own first', () => {
    const model = own(new Everything());
    expect(model.namedParameters().map(([key]) => key)).toEqual(KEYS);
    expect(model.parameters()).toEqual(model.namedParameters().map(([, p]) => p));
    expect(model.parameters()[3]).toBe(model.hiddenLayer.weight);
  });

  test('its buffers, and both in stateDict, live', () => {
    const model = own(new Everything());
    expect(model.namedBuffers()).toEqual([['running_mean', model.runningMean]]);
    const state = model.stateDict();
    expect(Object.keys(state).sort()).toEqual([...KEYS, 'running_mean'].sort());
    expect(state['hidden_layer.weight']).toBe(model.hiddenLayer.weight);
    expect([model.runningMean.requiresGrad, model.W.requiresGrad]).toEqual([false, true]);
  });

  test('its modules, parents first, and its children', () => {
    const model = own(new Everything());
    expect(model.namedModules().map(([path]) => path)).toEqual([
      '',
      'hidden_layer',
      'blocks.0',
      'blocks.1',
      'blocks.2',
      'fc1',
      'fc1.0',
      'fc1.0.0',
      'fc1.1',
    ]);
    expect(model.children()).toEqual([model.hiddenLayer, ...model.blocks, model.fc1]);
    expect(model.modules()[0]).toBe(model);
  });

  test('what is shared once, under its first key, and circles end', () => {
    class Tied extends Module {
      readonly first = new Linear(2, 2);
      readonly again = this.first;
      readonly second = new Linear(2, 2);
      readonly tied = new Parameter(this.second.weight);
      readonly alias = this.second.weight;
      readonly parent: sg.nn.Module = this;

      forward(x: sg.Tensor): sg.Tensor {
        return x;
      }
    }
    const model = own(new Tied());
    expect(model.namedParameters().map(([key]) => key)).toEqual([
      'tied',
      'alias',
      'first.weight',
      'first.bias',
      'second.bias',
    ]);
    expect(model.modules()).toHaveLength(3);
  });

  test('in a Sequential by number', () => {
    const model = own(new Sequential(new Linear(1, 2), new ReLU(), new Linear(2, 1)));
    expect(Object.keys(model.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect([model.length, model.at(-1), model.at(3)]).toEqual([3, model.children()[2], undefined]);
    expect([...model]).toEqual(model.children());
  });
});

describe('modes and gradients', () => {
  test('train and eval reach every module below', () => {
    const model = own(new Everything());
    const modes = () => new Set(model.modules().map(({ training }) => training));
    expect(modes()).toEqual(new Set([true]));
    expect(model.eval()).toBe(model);
    expect(modes()).toEqual(new Set([false]));
    model.fc1.train();
    expect([model.training, model.fc1.training, model.fc1.at(0)!.training]).toEqual([
      false,
      true,
      true,
    ]);
    model.train();
    expect(modes()).toEqual(new Set([true]));
  });

  test('requiresGrad_ freezes, and zeroGrad frees gradients', async () => {
    const layer = own(new Linear(2, 1));
    using x = sg.tensor([[1, 2]]);
    sg.tidy(() => layer.forward(x).backward());
    expect(await layer.weight.grad!.toArray()).toEqual([[1, 2]]);
    layer.zeroGrad();
    expect([layer.weight.grad, layer.bias!.grad]).toEqual([null, null]);
    layer.requiresGrad_(false);
    sg.tidy(() => expect(layer.forward(x).requiresGrad).toBe(false));
    layer.requiresGrad_();
    sg.tidy(() => expect(layer.forward(x).requiresGrad).toBe(true));
  });

  test('parameters survive scopes and backward, and share the memory of a tensor', async () => {
    const before = sg.memory().bytesInUse;
    const model = own(sg.tidy(() => ({ model: new Linear(2, 2) })).model);
    expect(model.parameters().some((p) => p.isFreed)).toBe(false);
    using values = sg.tensor([5, 6]);
    const parameter = new Parameter(values);
    parameter.requiresGrad_(false).fill_(1);
    expect(await values.toArray()).toEqual([1, 1]);
    parameter.dispose();
    model.dispose();
    values.dispose();
    expect(sg.memory().bytesInUse).toBe(before);
  });
});

describe('Sequential', () => {
  test('runs its layers in order, frees what lies between in noGrad, and gives its input back empty', async () => {
    class Note extends Module {
      seen: sg.Tensor[] = [];

      forward(x: sg.Tensor): sg.Tensor {
        this.seen.push(x);
        return x.mul(2);
      }
    }
    const note = new Note();
    const model = new Sequential(note, new sg.nn.Identity(), note, note);
    using x = sg.tensor([1, 2]);
    const before = sg.memory().bytesInUse;
    const y = sg.noGrad(() => {
      const y = model.forward(x);
      expect(note.seen.map((t) => t.isFreed)).toEqual([false, true, true]);
      expect(sg.memory().bytesInUse - before).toBe(256);
      return y;
    });
    expect(await y.toArray()).toEqual([8, 16]);
    y.dispose();
    expect(new Sequential().forward(x)).toBe(x);
  });

  test('keeps what is retained between its layers', () => {
    class Retain extends Module {
      kept: sg.Tensor | null = null;

      forward(x: sg.Tensor): sg.Tensor {
        return (this.kept = x.add(1).retain());
      }
    }
    const retain = new Retain();
    using x = sg.tensor([1]);
    sg.noGrad(() => new Sequential(retain, new ReLU(), new ReLU()).forward(x)).dispose();
    expect(retain.kept!.isFreed).toBe(false);
    retain.kept!.dispose();
  });

  test('frees what comes before the first gradient', async () => {
    const layer = own(new Linear(2, 1));
    const model = new Sequential(new sg.nn.Flatten(), new ReLU(), layer);
    const before = sg.memory();
    const x = sg.tensor([[[1], [-2]]]);
    sg.noGrad(() => model.forward(x)).dispose();
    const loss = model.forward(x).sum();
    x.dispose();
    loss.backward();
    expect(await layer.weight.grad!.toArray()).toEqual([[1, 0]]);
    model.zeroGrad();
    sg.tidy(() => layer.weight.sum().backward()); // a new step, which frees the loss
    model.zeroGrad();
    const { bytesInUse, arrays } = sg.memory();
    expect({ bytesInUse, arrays }).toEqual({
      bytesInUse: before.bytesInUse,
      arrays: before.arrays,
    });
  });

  test('keeps hidden activations where gradients are recorded', async () => {
    const [first, second] = [new Linear(1, 1), new Linear(1, 1)];
    const model = own(new Sequential(first, second));
    using x = sg.tensor([[3]]);
    sg.tidy(() => model.forward(x).backward());
    const w2 = (await second.weight.data())[0]!;
    expect((await first.weight.grad!.data())[0]).toBeCloseTo(3 * w2, 5);
  });
});

describe('loadStateDict', () => {
  const fresh = () => own(new Sequential(new Linear(2, 3), new Linear(3, 1)));
  const values = async (model: sg.nn.Module) =>
    Promise.all(Object.values(model.stateDict()).map((t) => t.toArray()));

  test('copies tensors and plain values, and the source stays its own', async () => {
    const [from, to] = [fresh(), fresh()];
    expect(to.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(await values(to)).toEqual(await values(from));
    sg.nn.init.zeros_(from.parameters()[0]!);
    expect((await values(to))[0]).not.toEqual((await values(from))[0]);

    const entries = Object.entries(from.stateDict()).map(async ([key, t]) => [
      key,
      { shape: t.shape, data: await t.data() },
    ]);
    to.loadStateDict(Object.fromEntries(await Promise.all(entries)) as Record<string, never>);
    expect(await values(to)).toEqual(await values(from));
  });

  test('of itself changes nothing', async () => {
    const model = fresh();
    const before = await values(model);
    model.loadStateDict(model.stateDict());
    expect(await values(model)).toEqual(before);
  });

  test('lists every problem at once, and changes nothing', async () => {
    const model = fresh();
    const before = await values(model);
    const freed = sg.ones([1]);
    freed.dispose();
    const f32 = (...shape: number[]) => ({
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
    });
    const dict = {
      '0.weight': f32(3, 2),
      '0.bias': f32(4),
      '1.weight': f32(1, 3),
      extra: f32(1),
    };
    const load = () => model.loadStateDict(dict);
    expect(load).toThrow(sg.ArgumentError);
    expect(load).toThrow(
      'loadStateDict: expected the keys and shapes of Sequential, got missing 1.bias; ' +
        'unexpected extra; 0.bias of (4,) where the model has (3,). Build the model as it was saved',
    );
    const whole = { ...dict, '0.bias': f32(3), '1.bias': f32(1), extra: undefined as never };
    const without = ({ extra: _, ...rest }: typeof whole) => rest;
    for (const [wrong, message] of [
      [
        { '1.bias': { shape: [1], data: new Int32Array(1) } },
        '1.bias of i32 where the model has f32',
      ],
      [{ '1.bias': { shape: [1], data: new Float32Array(2) } }, '1.bias with 2 values for (1,)'],
      [{ '1.bias': freed }, 'got one that was freed'],
    ] as const) {
      expect(() => model.loadStateDict({ ...without(whole), ...wrong })).toThrow(message);
    }
    await withDevice((device) => {
      const other = new (sg.Tensor as unknown as new (a: GpuArray) => sg.Tensor)(
        GpuArray.empty([1], 'f32', device),
      );
      expect(() => model.loadStateDict({ ...without(whole), '1.bias': other })).toThrow(
        '1.bias on another device than the model',
      );
    });
    expect(await values(model)).toEqual(before);
    model.loadStateDict(without(whole));
    expect(await values(model)).not.toEqual(before);
  });

  test('takes the keys that match where it is not strict, but no wrong shape', async () => {
    const model = fresh();
    const before = await values(model);
    const dict = {
      '0.bias': { shape: [3], data: new Float32Array([1, 2, 3]) },
      extra: { shape: [1], data: new Float32Array(1) },
    };
    expect(model.loadStateDict(dict, { strict: false })).toEqual({
      missingKeys: ['0.weight', '1.weight', '1.bias'],
      unexpectedKeys: ['extra'],
    });
    const after = await values(model);
    expect(after[1]).toEqual([1, 2, 3]);
    expect([after[0], after[2], after[3]]).toEqual([before[0], before[2], before[3]]);
    const wrong = { '0.bias': { shape: [4], data: new Float32Array(4) } };
    expect(() => model.loadStateDict(wrong, { strict: false })).toThrow('0.bias of (4,)');
  });

  test('counts as a change in place', () => {
    const model = fresh();
    using x = sg.ones([1, 2]);
    sg.tidy(() => {
      const loss = model.forward(x).sum();
      model.loadStateDict(model.stateDict()); // the same memory: no change
      const other = fresh();
      model.loadStateDict(other.stateDict());
      expect(() => loss.backward()).toThrow('changed in place');
    });
  });
});

describe('a module at a path', () => {
  class Inner extends Module {
    readonly convLike = new Linear(1, 2);
    readonly blocks = [new Linear(1, 3), new Sequential(new ReLU(), new Linear(1, 4))];

    forward(x: sg.Tensor): sg.Tensor {
      return x;
    }
  }
  class Outer extends Module {
    readonly inner = new Inner();
    readonly scale = new Parameter([1]);

    forward(x: sg.Tensor): sg.Tensor {
      return x;
    }
  }
  const PATHS = [
    'inner',
    'inner.conv_like',
    'inner.blocks.0',
    'inner.blocks.1',
    'inner.blocks.1.1',
  ];

  test('is found', () => {
    const model = own(new Outer());
    expect(model.getSubmodule('')).toBe(model);
    for (const [path, module] of model.namedModules()) {
      expect(model.getSubmodule(path), path).toBe(module);
    }
    expect(model.namedModules().map(([path]) => path)).toEqual(expect.arrayContaining(PATHS));
  });

  test('is replaced, in a field, an array and a Sequential', () => {
    for (const path of PATHS) {
      const model = own(new Outer());
      const paths = model.namedModules().map(([name]) => name);
      const old = model.getSubmodule(path);
      const fresh = own(new sg.nn.Identity());
      expect(model.setSubmodule(path, fresh), path).toBe(old);
      expect(model.getSubmodule(path), path).toBe(fresh);
      const left = paths.filter((name) => !name.startsWith(`${path}.`));
      expect(model.namedModules().map(([name]) => name)).toEqual(left);
      old.dispose();
    }
  });

  test('that there is not is refused with the names that there are', () => {
    const model = own(new Outer());
    const identity = new sg.nn.Identity();
    expect(() => model.getSubmodule('inner.blocks.1.7')).toThrow(sg.ArgumentError);
    expect(() => model.getSubmodule('inner.blocks.1.7')).toThrow(
      "getSubmodule: expected a path with '7' among the sub-modules of Sequential: 0, 1, " +
        "got 'inner.blocks.1.7'",
    );
    expect(() => model.setSubmodule('outer', identity)).toThrow(
      "setSubmodule: expected a path with 'outer' among the sub-modules of Outer: inner, got 'outer'",
    );
    // A parameter is no module, and neither is the network itself in its own place.
    expect(() => model.setSubmodule('scale', identity)).toThrow(sg.ArgumentError);
    expect(() => model.setSubmodule('', identity)).toThrow(sg.ArgumentError);
    expect(() => model.setSubmodule('inner', null as never)).toThrow('expected a Module, got null');
  });
});
