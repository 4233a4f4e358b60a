import type { GpuArray } from '../gpu/gpuArray.js';

/** Values that a thread updates: a CPU wants much to do in one place, a GPU wants many threads. */
const RUN = { software: 32, hardware: 1 };

/** How the threads of an optimizer's kernel share its arrays, each as large as `param`. */
export function divide(param: GpuArray): {
  /** The flag QUADS: each value is four elements. */
  inQuads: boolean;
  elements: number;
  perThread: number;
  constants: { RUN: number };
} {
  const inQuads = param.numel % 4 === 0;
  const run = RUN[param.device.info.software ? 'software' : 'hardware'];
  return {
    inQuads,
    elements: param.numel,
    perThread: run * (inQuads ? 4 : 1),
    constants: { RUN: run },
  };
}
