/** What the kernels of both pools share. */
import type { Axis, PoolGeometry } from './geometry.js';

/** The first fields of their `struct Params`. */
export const POOL_PARAMS = {
  planes: 'u32',
  inH: 'u32',
  inW: 'u32',
  outH: 'u32',
  outW: 'u32',
  kernelH: 'u32',
  kernelW: 'u32',
  strideH: 'u32',
  strideW: 'u32',
  paddingH: 'u32',
  paddingW: 'u32',
} as const;

export function poolParams({
  n,
  channels,
  h,
  w,
}: PoolGeometry): Record<keyof typeof POOL_PARAMS, number> {
  return {
    planes: n * channels,
    inH: h.input,
    inW: w.input,
    outH: h.output,
    outW: w.output,
    kernelH: h.kernel,
    kernelW: w.kernel,
    strideH: h.stride,
    strideW: w.stride,
    paddingH: h.padding,
    paddingW: w.padding,
  };
}

/** How backward runs: a thread for each window where they lie side by side, else for each element. */
export function poolBackward({ n, channels, h, w }: PoolGeometry): {
  entry: 'scatter' | 'gather';
  threads: number;
} {
  const planes = n * channels;
  if (!areSideBySide(h) || !areSideBySide(w)) {
    return { entry: 'gather', threads: planes * h.input * w.input };
  }
  const windows = Math.ceil(h.input / h.kernel) * Math.ceil(w.input / w.kernel);
  return { entry: 'scatter', threads: planes * windows };
}

function areSideBySide({ kernel, stride, dilation, padding }: Axis): boolean {
  return stride === kernel && dilation === 1 && padding === 0;
}

/** Whether all windows are 2 by 2, lie side by side and end inside of the input. */
export function isTwoByTwo({ h, w }: PoolGeometry): boolean {
  return [h, w].every(
    (axis) => axis.kernel === 2 && areSideBySide(axis) && 2 * axis.output <= axis.input,
  );
}
