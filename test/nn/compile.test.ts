import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';

const { nn } = sg;

test('compile has every pipeline of a training step ready, and changes nothing', async () => {
  await sg.init({ onNote: () => undefined });
  const model = new nn.Sequential(new nn.Linear(5, 13), new nn.GELU(), new nn.Linear(13, 3));
  const given = sg.ones([3]);
  const bias = model.parameters().at(-1)!;
  bias.grad = given;
  const seen: [number, number][] = [];
  const before = currentDevice().queue.dispatches;
  const count = await model.compile([2, 5], {
    onProgress: (done, total) => seen.push([done, total]),
  });
  expect(currentDevice().queue.dispatches).toBe(before);
  expect(seen.at(-1)).toEqual([count, count]);
  expect(model.parameters().map(({ grad }) => grad !== null)).toEqual([false, false, false, true]);
  expect(await bias.grad!.toArray()).toEqual([1, 1, 1]);

  const { pipelines } = currentDevice();
  const made: string[] = [];
  const specs = currentDevice().dryRun(() => {
    const x = sg.zeros([2, 5]);
    sg.tidy(() => {
      const y = model.forward(x);
      y.backward({ gradient: sg.zeros([2, 3]) });
    });
  });
  for (const spec of specs) if (!pipelines.has(spec)) made.push(spec.shader.name);
  expect(specs.length).toBeGreaterThan(5);
  expect(made).toEqual([]);
  expect(await model.compile([2, 5])).toBe(0);
  model.zeroGrad();
  for (const one of [model, given]) one.dispose();
});

test('compile of a model in eval() needs no backward', async () => {
  const model = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.Dropout(0.5)).eval();
  const specs = currentDevice().dryRun(() => {
    sg.noGrad(() => void model.forward(sg.zeros([1, 1, 5, 5])));
  });
  await model.compile([1, 1, 5, 5]);
  expect(specs.every((spec) => currentDevice().pipelines.has(spec))).toBe(true);
  expect(specs.some(({ shader }) => shader.name.includes('Gradient'))).toBe(false);
  model.dispose();
});
