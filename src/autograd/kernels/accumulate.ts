import source from '../../../shaders/accumulate.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';

const shader = defineShader({
  name: 'accumulate',
  source,
  params: { count: 'u32' },
  includes: { threads },
});

/** Adds `more`, which it takes over, to `into`. */
export function addInPlace(into: GpuArray, more: GpuArray): void {
  launch(shader, 'addTo', {
    inputs: [more],
    outputs: [into],
    params: { count: into.numel },
    elements: into.numel,
  });
  more.release();
}

/**
 * The sum of two gradients of one shape. Takes over both: `into` is added to in place where it is
 * the only one to hold its memory.
 */
export function accumulate(into: GpuArray, more: GpuArray): GpuArray {
  if (!into.storage.shared) {
    addInPlace(into, more);
    return into;
  }
  const sum = GpuArray.empty(into.shape, into.dtype, into.device);
  const params = { count: into.numel };
  launch(shader, 'add', {
    inputs: [more, into],
    outputs: [sum],
    params,
    elements: into.numel,
  });
  more.release();
  into.release();
  return sum;
}
