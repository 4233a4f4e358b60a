import { decodeSafetensors, type RawTensor } from '../../src/data/safetensors.js';
import type { TypedArray } from '../../src/gpu/dtype.js';

/** What PyTorch gives for an op, as golden.py wrote it. */
export interface Case {
  /** Names the op, the shapes and the options. */
  title: string;
  op: string;
  options: Record<string, never>;
  inputs: Record<string, Values>;
  outputs: Values[];
  /** dL/dy of the outputs that gradients flow from, by their place. */
  dys: Map<number, Values>;
  /** dL/dx by the input's name. */
  gradients: Record<string, Values>;
}

export interface Values {
  shape: number[];
  data: TypedArray;
}

/** The cases of a file, and the version of PyTorch that made them. */
export function readCases(bytes: Uint8Array, file: string): { torch: string; cases: Case[] } {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  const about = JSON.parse(metadata.cases!) as {
    title: string;
    op: string;
    options: Record<string, never>;
    inputs: string[];
    outputs: number;
    gradients: string[];
  }[];
  const cases = about.map(({ inputs, outputs, gradients, ...rest }, i) => {
    const values = (key: string): Values => toValues(tensors[`${i}/${key}`]!);
    const places = Array.from({ length: outputs }, (_, place) => place);
    return {
      ...rest,
      inputs: Object.fromEntries(inputs.map((name) => [name, values(name)])),
      outputs: places.map((place) => values(`output ${place}`)),
      dys: new Map(
        places
          .filter((place) => `${i}/dy ${place}` in tensors)
          .map((place) => [place, values(`dy ${place}`)]),
      ),
      gradients: Object.fromEntries(gradients.map((name) => [name, values(`d ${name}`)])),
    };
  });
  return { torch: metadata.torch!, cases };
}

/** Tensors have no booleans: 0 and 1 as i32. */
function toValues({ shape, data, dtype }: RawTensor): Values {
  return { shape, data: dtype === 'bool' ? Int32Array.from(data) : (data as TypedArray) };
}
