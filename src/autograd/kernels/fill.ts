import element from '../../../shaders/element.wgsl';
import source from '../../../shaders/fill.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { ELEMENT_FLAGS, elementBits, elementFlags } from './element.js';

const shader = defineShader({
  name: 'fill',
  source,
  params: { count: 'u32', value: 'u32' },
  flags: ELEMENT_FLAGS,
  includes: { element, threads },
});

/** Sets every element to `value`. @returns the array. */
export function fill(array: GpuArray, value: number): GpuArray {
  launch(shader, 'fill', {
    inputs: [],
    outputs: [array],
    params: { count: array.numel, value: elementBits(value, array.dtype) },
    flags: elementFlags(array.dtype),
    elements: array.numel,
  });
  return array;
}
