import { DeviceError, DTypeError } from '../../errors.js';
import { isDryRun } from '../../gpu/device.js';
import { isFloat } from '../../gpu/dtype.js';
import { metaError, type GpuArray } from '../../gpu/gpuArray.js';

/** @throws DTypeError that names the op and the tensor, unless `array` is of f32 or f16. */
export function checkFloat(op: string, name: string, { dtype }: GpuArray): void {
  if (!isFloat(dtype))
    throw new DTypeError(op, `${name} of f32 or f16`, dtype, "Convert it with to('f32').");
}

/** @throws DeviceError that names the op, unless all arrays are of one device and have memory. */
export function checkDevice(op: string, arrays: readonly GpuArray[]): void {
  if (isDryRun()) return;
  if (arrays.some(({ storage }) => storage.isMeta)) throw metaError(op);
  if (arrays.every(({ device }) => device === arrays[0]!.device)) return;
  throw new DeviceError(
    `${op}: expected tensors of one device, got two. Move the data with tensor(await t.data()).`,
  );
}

/** @throws DTypeError unless `index` is of i32 or u32. */
export function checkIndex(op: string, { dtype }: GpuArray): void {
  if (isFloat(dtype))
    throw new DTypeError(op, 'index of i32 or u32', dtype, "Convert it with to('i32').");
}

/** @throws DTypeError as `checkFloat` does, and for one that differs in dtype from `like`. */
export function checkSameFloat(op: string, name: string, array: GpuArray, like: GpuArray): void {
  checkFloat(op, name, array);
  if (array.dtype !== like.dtype)
    throw new DTypeError(
      op,
      `${name} of ${like.dtype}`,
      array.dtype,
      `Convert it with to('${like.dtype}').`,
    );
}
