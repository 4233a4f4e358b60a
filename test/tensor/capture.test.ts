import { describe, expect, it, vi } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import * as sg from '../../src/index.js';
import { expectClose } from '../support/compare.js';

/** A small classifier with all that changes from step to step: dropout, a schedule, Adam's count. */
function network(): { model: sg.nn.Module; optimizer: sg.optim.Adam } {
  sg.manualSeed(7);
  const model = new sg.nn.Sequential(
    new sg.nn.Conv2d(1, 4, 3, { padding: 1 }),
    new sg.nn.BatchNorm2d(4),
    new sg.nn.ReLU(),
    new sg.nn.MaxPool2d(2),
    new sg.nn.Flatten(),
    new sg.nn.Dropout(0.3),
    new sg.nn.Linear(64, 5),
  );
  return { model, optimizer: new sg.optim.Adam(model.parameters(), { lr: 0.01 }) };
}

const BATCHES = 6;

function batch(i: number): [sg.Tensor, sg.Tensor] {
  const generator = new sg.Generator(100 + i);
  const x = sg.randn([3, 1, 8, 8], { generator });
  return [x, sg.randint(0, 5, [3], { generator })];
}

async function train(captured: boolean): Promise<{ losses: number[]; weights: number[][] }> {
  const { model, optimizer } = network();
  const criterion = new sg.nn.CrossEntropyLoss();
  const plain = (x: sg.Tensor, target: sg.Tensor): sg.Tensor => {
    const loss = criterion.forward(model.forward(x), target);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  const step = captured ? sg.capture(plain) : plain;
  const losses: number[] = [];
  for (let i = 0; i < BATCHES; i++) {
    optimizer.paramGroups[0]!.lr = 0.01 / (1 + i);
    const [x, target] = batch(i);
    const loss = step(x, target);
    losses.push(await loss.item());
    for (const tensor of [x, target]) tensor.dispose();
    if (!captured) loss.dispose();
  }
  const weights = await Promise.all(
    [...model.parameters(), ...model.buffers()].map(async (x) => [...(await x.data())]),
  );
  if (captured) (step as sg.Captured<[sg.Tensor, sg.Tensor], sg.Tensor>).dispose();
  optimizer.zeroGrad();
  for (const x of [...model.parameters(), ...model.buffers()]) x.dispose();
  optimizer.dispose();
  return { losses, weights };
}

describe('capture', () => {
  it('replays a training step to the same bits as the plain loop', async () => {
    const plain = await train(false);
    const captured = await train(true);
    expect(captured.losses).toEqual(plain.losses);
    expect(captured.weights).toEqual(plain.weights);
    expect(new Set(plain.losses).size).toBe(BATCHES);
  });

  it('runs the function twice, and then nothing of it', async () => {
    let runs = 0;
    const double = sg.capture((x: sg.Tensor) => {
      runs++;
      return x.mul(2).add(1);
    });
    for (let i = 0; i < 5; i++) {
      const x = sg.tensor([i, -i]);
      expect(await double(x).toArray()).toEqual([2 * i + 1, 1 - 2 * i]);
      x.dispose();
    }
    expect(runs).toBe(2);
    expect(double.dispatches).toBe(2);
    double.dispose();
  });

  it('makes no buffer, bind group, pipeline or array at a replay', () => {
    const device = currentDevice();
    const x = sg.rand([4, 4]);
    const f = sg.capture((a: sg.Tensor) => a.matmul(a).relu().sum());
    for (let i = 0; i < 3; i++) f(x);
    const made = (['createBuffer', 'createBindGroup', 'createComputePipeline'] as const).map(
      (name) => vi.spyOn(device.gpu, name),
    );
    const before = sg.memory();
    for (let i = 0; i < 10; i++) f(x);
    device.queue.flush();
    for (const spy of made) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    expect(sg.memory()).toEqual(before);
    f.dispose();
    x.dispose();
  });

  it('gives the memory back', () => {
    const before = sg.memory().bytesInUse;
    const x = sg.rand([32]);
    const f = sg.capture((a: sg.Tensor) => a.exp().add(a).square());
    for (let i = 0; i < 4; i++) f(x);
    f.dispose();
    x.dispose();
    expect(sg.memory().bytesInUse).toBe(before);
  });

  it('records once for each shape', async () => {
    let runs = 0;
    const sum = sg.capture((x: sg.Tensor) => {
      runs++;
      return x.sum();
    });
    const [small, large] = [sg.ones([3]), sg.ones([5])];
    for (let i = 0; i < 3; i++) {
      expect(await sum(small).item()).toBe(3);
      expect(await sum(large).item()).toBe(5);
    }
    expect(runs).toBe(4);
    sum.dispose();
    for (const x of [small, large]) x.dispose();
  });

  it('tells apart two arguments and the same one twice', async () => {
    const difference = sg.capture((a: sg.Tensor, b: sg.Tensor) => a.sub(b));
    const [a, b] = [sg.tensor([3, 4]), sg.tensor([1, 1])];
    for (let i = 0; i < 3; i++) {
      expect(await difference(a, a).toArray()).toEqual([0, 0]);
      expect(await difference(a, b).toArray()).toEqual([2, 3]);
      expect(await difference(b, a).toArray()).toEqual([-2, -3]);
    }
    difference.dispose();
    for (const x of [a, b]) x.dispose();
  });

  it('keeps memory that it uses though the tensor is disposed', async () => {
    const weight = sg.tensor([10, 20]);
    const scale = sg.capture((x: sg.Tensor) => x.mul(weight));
    const x = sg.tensor([1, 2]);
    scale(x);
    scale(x);
    weight.dispose();
    const other = sg.zeros([2]); // would take its memory
    expect(await scale(x).toArray()).toEqual([10, 40]);
    scale.dispose();
    for (const tensor of [x, other]) tensor.dispose();
  });

  it('keeps constants that the function made on the host', async () => {
    const f = sg.capture((x: sg.Tensor) =>
      x
        .exp()
        .mul(sg.tensor([2, 3]))
        .log(),
    );
    const x = sg.tensor([0, 1]);
    for (let i = 0; i < 4; i++) {
      expectClose(await f(x).data(), [Math.log(2), 1 + Math.log(3)]);
    }
    f.dispose();
    x.dispose();
  });

  it('draws new random numbers at each replay, those of the plain function', async () => {
    const x = sg.ones([64]);
    const drop = (a: sg.Tensor): sg.Tensor => sg.nn.functional.dropout(a, 0.5);
    const captured = sg.capture(drop);
    const results = async (f: typeof drop): Promise<number[][]> => {
      sg.manualSeed(3);
      const all: number[][] = [];
      for (let i = 0; i < 4; i++) {
        const y = f(x);
        all.push([...(await y.data())]);
        if (f === drop) y.dispose();
      }
      return all;
    };
    const plain = await results(drop);
    expect(await results(captured)).toEqual(plain);
    expect(new Set(plain.map(String)).size).toBe(4);
    captured.dispose();
    x.dispose();
  });

  it('goes through segments where a step has more dispatches than uniforms fit', async () => {
    const x = sg.zeros([1]);
    const count = sg.capture((a: sg.Tensor) => {
      let y = a.add(0);
      for (let i = 0; i < 1500; i++) y = y.add(1);
      return y;
    });
    for (let i = 0; i < 3; i++) expect(await count(x).item()).toBe(1500);
    expect(count.dispatches).toBe(1501);
    count.dispose();
    x.dispose();
  });

  it('runs under the profiler like any other work', async () => {
    const x = sg.ones([8]);
    const f = sg.capture((a: sg.Tensor) => a.exp().log());
    for (let i = 0; i < 2; i++) f(x);
    const times = await sg.timeKernels(currentDevice(), () => void f(x));
    expect(times.map(({ label }) => label)).toEqual(['unary.forward', 'unary.forward']);
    f.dispose();
    x.dispose();
  });

  it('refuses what a replay could not do again', () => {
    const x = sg.ones([2]);
    const twice = (f: (x: sg.Tensor) => unknown): (() => void) => {
      const captured = sg.capture(f);
      return () => {
        try {
          captured(x);
          captured(x);
        } finally {
          captured.dispose();
        }
      };
    };
    const constant = sg.ones([2]);
    expect(twice((a) => void a.add(1).data().catch(String).then(String))).toThrow(
      /only enqueues work, got data\(\), item\(\) or another readback/,
    );
    expect(twice((a) => a)).toThrow(/capture: expected results with memory of their own/);
    expect(twice(() => Promise.resolve())).toThrow(/got an async one/);
    expect(twice(() => sg.capture(() => 1)())).toThrow(/one captured function at a time/);
    const write = (): void => constant.array.write(Float32Array.of(1, 2));
    expect(twice(write)).toThrow(/only enqueues work, got a write from the host/);
    expect(() => sg.capture((a: sg.Tensor) => a)(3 as unknown as sg.Tensor)).toThrow(
      /capture: expected a tensor as argument 0, got number/,
    );
    const leaf = sg.tensor([1], { requiresGrad: true });
    expect(() => sg.capture((a: sg.Tensor) => a.mul(2))(leaf)).toThrow(/require no grad/);
    for (const tensor of [x, constant, leaf]) tensor.dispose();
    expect(currentDevice().recording).toBeNull();
  });
});
