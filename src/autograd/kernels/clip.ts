import source from '../../../shaders/clip.wgsl';
import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { ELEMENT_FLAGS } from './element.js';

const shader = defineShader({
  name: 'clip',
  source,
  params: { count: 'u32', limit: 'f32' },
  flags: ELEMENT_FLAGS,
  includes: { element, threads },
});

/** Scales `grad` in place by maxNorm / (norm + 1e-6) where that is below 1; norm is one f32. */
export function scaleToNorm(grad: GpuArray, norm: GpuArray, maxNorm: number): void {
  launch(shader, 'scale', {
    inputs: [norm],
    outputs: [grad],
    params: { count: grad.numel, limit: maxNorm },
    elements: grad.numel,
  });
}

/** Limits each element of `grad` to [-value, value], in place. */
export function limitInPlace(grad: GpuArray, value: number): void {
  launch(shader, 'limit', {
    inputs: [],
    outputs: [grad],
    params: { count: grad.numel, limit: value },
    elements: grad.numel,
  });
}
