/** Tensors in files: the safetensors format, PyTorch's keys. */
import { DTypeError } from '../errors.js';
import { DTYPES, type TypedArray } from '../gpu/dtype.js';
import { tensor } from '../tensor/creation.js';
import type { Tensor } from '../tensor/tensor.js';
import { readFile, writeFileAtomic } from './files.js';
import * as codec from './safetensors.js';

export { readFile, writeFileAtomic };

/** Facts about a file, as text: safetensors' `__metadata__`. */
export type Metadata = Record<string, string>;

/**
 * The bytes of a safetensors file with these tensors, read back from the GPU.
 *
 * @param tensors   By key, such as `model.stateDict()`.
 * @param metadata  Facts to keep with them.
 */
export async function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata?: Metadata,
): Promise<Uint8Array> {
  const read = async ([key, tensor]: [string, Tensor]): Promise<[string, codec.RawTensor]> => {
    const { dtype, shape } = tensor;
    const raw = { shape: [...shape], data: await tensor.data() };
    return [key, dtype === 'f16' ? { ...raw, dtype: 'f32', storedAs: 'F16' } : { ...raw, dtype }];
  };
  const entries = await Promise.all(Object.entries(tensors).map(read));
  return codec.encodeSafetensors(Object.fromEntries(entries), metadata);
}

/**
 * The tensors of a safetensors file by key. Half-precision and double values come as f32, 64-bit
 * integers as 32-bit ones.
 *
 * @param file      Named in errors.
 * @param keepHalf  Whether F16 stays f16, which not every adapter has. Default false.
 * @throws DataFormatError  The file is damaged.
 * @throws DTypeError       It has 8- or 16-bit integers, for which tensors have no dtype.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  file?: string,
  { keepHalf = false }: { keepHalf?: boolean } = {},
): Record<string, Tensor> {
  const entries = Object.entries(codec.decodeSafetensors(bytes, file).tensors);
  // All of them before the first tensor is made: nobody would free it.
  for (const [key, { dtype }] of entries) {
    if (!(DTYPES as readonly string[]).includes(dtype)) {
      throw new DTypeError('decodeSafetensors', `${key} of ${DTYPES.join(', ')}`, dtype);
    }
  }
  return Object.fromEntries(
    entries.map(([key, { shape, data, storedAs }]) => {
      const dtype = keepHalf && storedAs === 'F16' ? 'f16' : undefined;
      return [key, tensor(data as TypedArray, { shape, dtype })];
    }),
  );
}

/** The metadata of a safetensors file, {} if it has none. @throws DataFormatError if it is damaged. */
export function safetensorsMetadata(bytes: Uint8Array, file?: string): Metadata {
  return codec.decodeSafetensors(bytes, file).metadata;
}

/** Writes tensors to a safetensors file, whole or not at all; in Node. Arguments as for encodeSafetensors. */
export async function save(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata?: Metadata,
): Promise<void> {
  await writeFileAtomic(path, await encodeSafetensors(tensors, metadata));
}

/** The tensors of a safetensors file by key; of a path in Node, of a URL in browsers. */
export async function load(path: string): Promise<Record<string, Tensor>> {
  return decodeSafetensors(await readFile(path), path);
}
