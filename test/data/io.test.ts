import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import * as codec from '../../src/data/safetensors.js';
import { tidyTest } from '../support/tidyTest.js';

const { encodeSafetensors, decodeSafetensors, safetensorsMetadata } = sg.io;

describe('safetensors of tensors', () => {
  tidyTest('go round with every bit, shape and dtype', async () => {
    const tensors = {
      'features.0.weight': sg.tensor([
        [1.5, -0, NaN],
        [Infinity, 1e-45, -3.4e38],
      ]),
      steps: sg.tensor(7, { dtype: 'i32' }),
      words: sg.tensor(new Uint32Array([0, 2 ** 32 - 1])),
      none: sg.zeros([0, 3]),
    };
    const bytes = await encodeSafetensors(tensors, { epoch: '3' });
    expect(safetensorsMetadata(bytes)).toEqual({ epoch: '3' });
    const back = decodeSafetensors(bytes);
    expect(Object.keys(back).sort()).toEqual(Object.keys(tensors).sort());
    for (const [key, tensor] of Object.entries(tensors)) {
      expect([back[key]!.shape, back[key]!.dtype], key).toEqual([tensor.shape, tensor.dtype]);
      const [now, then] = [await back[key]!.data(), await tensor.data()];
      expect(
        [...now].every((value, i) => Object.is(value, then[i])),
        key,
      ).toBe(true);
    }
  });

  tidyTest('carry a model over to another one', async () => {
    sg.manualSeed(1);
    const [model, other] = [new sg.models.LeNet5(), new sg.models.LeNet5()];
    const bytes = await encodeSafetensors(model.stateDict());
    other.loadStateDict(decodeSafetensors(bytes));
    const x = sg.rand([2, 1, 28, 28]);
    const [a, b] = sg.noGrad(() => [model.forward(x), other.forward(x)]);
    expect(await b!.data()).toEqual(await a!.data());
    expect(await encodeSafetensors(other.stateDict())).toEqual(bytes);
    model.dispose();
    other.dispose();
  });

  test('of a dtype that tensors lack are refused, and no memory is taken', () => {
    const before = sg.memory();
    const bytes = codec.encodeSafetensors({
      first: { dtype: 'f32', shape: [2], data: new Float32Array(2) },
      second: { dtype: 'u8', shape: [3], data: new Uint8Array(3) },
    });
    expect(() => decodeSafetensors(bytes)).toThrow(sg.DTypeError);
    expect(() => decodeSafetensors(bytes)).toThrow(
      'decodeSafetensors: expected second of f32, f16, i32, u32, got u8',
    );
    expect(sg.memory().arrays).toBe(before.arrays);
  });

  test('that are damaged are refused by name', () => {
    const bytes = new Uint8Array(20);
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(sg.DataFormatError);
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(/^model\.safetensors/);
  });

  test('of a tensor that was freed are not made', async () => {
    const tensor = sg.ones([1]);
    tensor.dispose();
    await expect(encodeSafetensors({ tensor })).rejects.toThrow(sg.DisposedError);
  });
});
