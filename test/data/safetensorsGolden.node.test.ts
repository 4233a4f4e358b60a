import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../src/data/safetensors.js';

// test/golden/make_safetensors.py wrote the file with the reference implementation.
const file = new URL('../golden/reference.safetensors', import.meta.url);
const golden = new Uint8Array(await readFile(file));

describe('safetensors, a file of the reference writer', () => {
  const { tensors, metadata } = decodeSafetensors(golden, 'reference.safetensors');
  const values = (name: string) => Array.from(tensors[name]!.data);

  test('metadata and names', () => {
    expect(metadata).toEqual({ format: 'pt' });
    expect(Object.keys(tensors)).toHaveLength(18);
  });

  test('types that are kept', () => {
    expect(tensors['conv.weight']).toEqual({
      dtype: 'f32',
      shape: [1, 3, 2, 2],
      data: Float32Array.from({ length: 12 }, (_, i) => i / 8 - 0.5),
      storedAs: 'F32',
    });
    expect(values('conv.bias')).toEqual([3.4028234663852886e38, -1.401298464324817e-45]);
    expect(tensors.empty).toMatchObject({ shape: [0, 3], data: new Float32Array() });
    expect(tensors.scalar).toMatchObject({ shape: [], data: new Float32Array([-2.5]) });
    expect(tensors.i32!.data).toEqual(new Int32Array([-(2 ** 31), 2 ** 31 - 1]));
    expect(tensors.u32!.data).toEqual(new Uint32Array([0, 2 ** 32 - 1]));
    expect(tensors.i16!.data).toEqual(new Int16Array([-32768, 32767]));
    expect(tensors.u16!.data).toEqual(new Uint16Array([65535]));
    expect(tensors.i8!.data).toEqual(new Int8Array([-128, 127, 5]));
    expect(tensors.u8!.data).toEqual(new Uint8Array([255, 0]));
    expect(tensors.bool).toMatchObject({ dtype: 'bool', data: new Uint8Array([1, 0, 1]) });
    expect(values('name "quoted" é 😀 \u0001')).toEqual([7]);
  });

  test('types that are converted keep their name', () => {
    expect(tensors['bn.num_batches_tracked']).toEqual({
      dtype: 'i32',
      shape: [],
      data: new Int32Array([1234]),
      storedAs: 'I64',
    });
    expect(tensors.u64).toMatchObject({ dtype: 'u32', storedAs: 'U64' });
    expect(values('u64')).toEqual([2 ** 32 - 1]);
    expect(tensors.f64).toMatchObject({ dtype: 'f32', storedAs: 'F64' });
    expect(values('f64')).toEqual([Math.fround(0.1), -Infinity]);
    expect(tensors.f16).toMatchObject({ dtype: 'f32', storedAs: 'F16' });
    expect(values('f16')).toEqual([1.5, -0, 65504, 2 ** -24, Infinity, -0.333251953125]);
    expect(tensors.bf16).toMatchObject({ dtype: 'f32', storedAs: 'BF16' });
    expect(values('bf16')).toEqual([1, -3.140625, 2 ** 127 * (2 - 2 ** -7)]);
  });

  test('writing it again gives the same bytes', () => {
    // f64 loses digits when it is read as f32: the one tensor to put back.
    const f64 = { dtype: 'f64', shape: [2], data: new Float64Array([0.1, -Infinity]) } as const;
    const again = encodeSafetensors({ ...tensors, f64: { ...f64, shape: [2] } }, metadata);
    expect(again).toEqual(golden);
  });
});
