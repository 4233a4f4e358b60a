/** Optimizers against PyTorch, twenty steps: optimizers.safetensors, which optimizers.py writes. */
import * as sg from 'shadegrad';
import { describe, test } from 'vitest';
import { decodeSafetensors } from '../../src/data/safetensors.js';
import type { TypedArray } from '../../src/gpu/dtype.js';
import { expectClose } from '../support/compare.js';
import bytes from './optimizers.safetensors';

interface Run {
  optimizer: 'SGD' | 'Adam' | 'AdamW' | 'RMSprop';
  options: Record<string, never>;
  /** Of the second parameter alone. */
  second: Record<string, never>;
}

const { tensors, metadata } = decodeSafetensors(bytes, 'optimizers.safetensors');
const runs = (JSON.parse(metadata.runs!) as Run[]).map((run, number) => ({
  number,
  title: `${run.optimizer} ${JSON.stringify(run.options)} ${JSON.stringify(run.second)}`,
  ...run,
}));

/** Of (20, ...), what belongs to a step. */
function atStep(key: string, step: number): TypedArray {
  const { data, shape } = tensors[key]!;
  const size = data.length / shape[0]!;
  return data.subarray(step * size, (step + 1) * size) as TypedArray;
}

describe(`optimizers, as those of PyTorch ${metadata.torch}`, () => {
  test.each(runs)('$title', async ({ number, optimizer: name, options, second }) => {
    const params = [0, 1].map((i) => {
      const { data, shape } = tensors[`initial/${i}`]!;
      return sg.tensor(data as TypedArray, { shape, requiresGrad: true });
    });
    const groups = [{ params: [params[0]!] }, { params: [params[1]!], ...second }];
    const optimizer = new sg.optim[name](groups, options);
    const steps = tensors['gradients/0']!.shape[0]!;
    for (let step = 0; step < steps; step++) {
      for (const [i, param] of params.entries()) {
        using gradient = sg.tensor(atStep(`gradients/${i}`, step), { shape: param.shape });
        param.grad = gradient;
      }
      optimizer.step();
      for (const [i, param] of params.entries()) {
        const expected = atStep(`${number}/${i}`, step);
        expectClose(await param.data(), expected, { norm: 1e-5 }, `${i} after step ${step + 1}`);
      }
    }
    for (const one of [optimizer, ...params]) one.dispose();
  });
});
