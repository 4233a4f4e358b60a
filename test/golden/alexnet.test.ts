/** AlexNet against PyTorch, with weights of a hash: alexnet.safetensors, which alexnet.py writes. */
import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { decodeSafetensors } from '../../src/data/safetensors.js';
import { expectClose } from '../support/compare.js';
import bytes from './alexnet.safetensors';

const { tensors, metadata } = decodeSafetensors(bytes, 'alexnet.safetensors');

/** Uniform in [-scale, scale), of (number, index); as `hashed` in alexnet.py. */
function hashed(number: number, count: number, scale: number): Float32Array {
  const values = new Float32Array(count);
  const start = Math.imul(number, 0x85ebca77);
  for (let index = 0; index < count; index++) {
    let h = (Math.imul(index, 0x9e3779b1) + start) | 0;
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
    h = (h ^ (h >>> 15)) >>> 0;
    values[index] = (h / 2 ** 31 - 1) * scale;
  }
  return values;
}

/** The numbers in the scalars that `fn` makes. */
async function noGradItems(fn: () => sg.Tensor[]): Promise<number[]> {
  const scalars = sg.noGrad(fn);
  const items = await Promise.all(scalars.map((scalar) => scalar.item()));
  for (const scalar of scalars) scalar.dispose();
  return items;
}

test(`AlexNet's logits are those of PyTorch ${metadata.torch}`, async () => {
  const model = new sg.models.AlexNet().eval();
  sg.noGrad(() => {
    for (const [number, param] of [...model.parameters()].entries()) {
      const fanIn = param.numel / param.shape[0]!;
      const scale = param.ndim > 1 ? Math.sqrt(6 / fanIn) : 0.1;
      param.copy_(hashed(number, param.numel, scale));
    }
  });
  const sums = tensors.sums!.data;
  const layers = [...model.features, ...model.classifier];
  expect(sums).toHaveLength(2 * layers.length);

  let x = sg.tensor(hashed(99, 3 * 224 * 224, 1), { shape: [1, 3, 224, 224] });
  for (const [i, layer] of layers.entries()) {
    const y = sg.noGrad(() => layer.forward(i === model.features.length ? x.flatten(1) : x));
    if (y !== x) x.dispose();
    x = y;
    // The sum may cancel out: what it may be off by is a share of the sum of sizes.
    const size = sums[2 * i + 1]!;
    const [sum, sizes] = await noGradItems(() => [x.sum(), x.abs().sum()]);
    expect(Math.abs(sum! - sums[2 * i]!) / size, `sum after layer ${i}`).toBeLessThan(1e-5);
    expect(Math.abs(sizes! - size) / size, `sum of sizes after layer ${i}`).toBeLessThan(1e-5);
  }
  expectClose(await x.data(), tensors.logits!.data, { norm: 1e-5 }, 'logits');
  x.dispose();
  model.dispose();
});
