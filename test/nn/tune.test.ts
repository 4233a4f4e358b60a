import * as sg from 'shadegrad';
import { afterEach, describe, expect, test } from 'vitest';
import { choose, type KernelFamily } from '../../src/autograd/kernels/choice.js';
import { currentDevice, type Device } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { ALL, testAll } from '../support/extent.js';

afterEach(() => currentDevice().choices.tuned.clear());

/** Work of which 'wrong' is fast and wrong, 'slow' is right and late, 'quick' right at once. */
const FAMILY: KernelFamily<number> = {
  name: 'made-up',
  key: (size) => `n${size}`,
  candidates: () => ['slow', 'wrong', 'quick'],
  preferred: () => 'slow',
  trial(size: number, device: Device) {
    return {
      run(variant: string): GpuArray[] {
        const until = performance.now() + (variant === 'slow' ? 20 : 0);
        while (performance.now() < until);
        const values = new Float32Array(size).fill(variant === 'wrong' ? 1.01 : 1);
        return [GpuArray.from(values, [size], device)];
      },
      release: () => undefined,
    };
  },
};

/** A model that is one piece of that work. */
class Chooser extends sg.nn.Module {
  readonly seen: string[] = [];
  forward(x: sg.Tensor): sg.Tensor {
    this.seen.push(choose(FAMILY, x.numel, currentDevice()));
    return x.add(1);
  }
}

describe('tune', () => {
  test('takes the fastest of the right ones, and uses it', async () => {
    const model = new Chooser().eval();
    const done: [number, number][] = [];
    const results = await sg.tune(model, [6], {
      repeat: 3,
      store: false,
      onProgress: (i, total) => done.push([i, total]),
    });
    expect(results).toHaveLength(1);
    const [{ work, before, chosen, milliseconds }] = results as [sg.TuneResult];
    expect([work, before, chosen]).toEqual(['made-up n6', 'slow', 'quick']);
    expect(milliseconds.wrong).toBeNaN();
    expect(done).toEqual([[1, 1]]);
    sg.noGrad(() => void model.forward(sg.ones([6])));
    sg.noGrad(() => void model.forward(sg.ones([7])));
    expect(model.seen).toEqual(['slow', 'quick', 'slow']);
  });

  testAll('measures the kernels of a real network, and leaves its results alone', async () => {
    sg.manualSeed(1);
    // Each piece of work is five to seven kernels to compile: two of a dense layer show what tune()
    // does with them, and conv2dGemm.test.ts tries those of convolutions.
    const dense = [new sg.nn.Flatten(), new sg.nn.Linear(ALL ? 144 : 64, 10)];
    const model = new sg.nn.Sequential(
      ...(ALL ? [new sg.nn.Conv2d(1, 4, 3), new sg.nn.ReLU()] : []),
      ...dense,
    );
    const x = sg.rand([2, 1, 8, 8]);
    const run = async (): Promise<number[]> => {
      const y = sg.noGrad(() => model.forward(x));
      const values = [...(await y.data())];
      y.dispose();
      return values;
    };
    const before = await run();
    const { arrays, bytesInUse } = sg.memory();
    const results = await sg.tune(model, [2, 1, 8, 8], { repeat: 1, store: false });
    expect(sg.memory()).toMatchObject({ arrays, bytesInUse });
    expect(results.map(({ work }) => work.split(' ')[0])).toContain('matmul');
    for (const { milliseconds } of results) {
      expect(Object.keys(milliseconds).length).toBeGreaterThan(1);
      expect(
        Object.values(milliseconds).every((ms) => ms > 0),
        JSON.stringify(milliseconds),
      ).toBe(true);
    }
    const after = await run();
    after.forEach((value, i) => expect(value).toBeCloseTo(before[i]!, 4));
    for (const one of [model, x]) one.dispose();
  });

  test('a stored variant that this version does not have is passed over', () => {
    const device = currentDevice();
    device.choices.tuned.set('made-up n3', 'of another version');
    expect(choose(FAMILY, 3, device)).toBe('slow');
  });
});
