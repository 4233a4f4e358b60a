import source from '../../../shaders/fill.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';

const shader = defineShader({
  name: 'fill',
  source,
  params: { count: 'u32', value: 'f32' },
  flags: ['I32', 'U32'],
  includes: { threads },
});

/** Sets every element to `value`. @returns the array. */
export function fill(array: GpuArray, value: number): GpuArray {
  launch(shader, 'fill', {
    inputs: [],
    outputs: [array],
    params: { count: array.numel, value },
    flags: { I32: array.dtype === 'i32', U32: array.dtype === 'u32' },
    threads: array.numel,
  });
  return array;
}
