import source from '../../../shaders/finite.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';

const shader = defineShader({
  name: 'finite',
  source,
  params: { count: 'u32', slot: 'u32', factor: 'f32' },
  includes: { threads },
});

/** The bits that an element of `found` gets. */
export const FOUND_NAN = 1;
export const FOUND_INF = 2;

/** Marks in `found[slot]`, of u32, what `x` of f32 or f16 has that is not finite. */
export function inspect(x: GpuArray, found: GpuArray, slot: number): void {
  launch(shader, 'inspect', {
    inputs: [x],
    outputs: [found],
    params: { count: x.numel, slot, factor: 1 },
    elements: x.numel,
  });
}

/** Multiplies `grad` by `factor` in place, and marks in `found[0]` what was not finite before. */
export function unscale(grad: GpuArray, found: GpuArray, factor: number): void {
  launch(shader, 'unscale', {
    inputs: [],
    outputs: [grad, found],
    params: { count: grad.numel, slot: 0, factor },
    elements: grad.numel,
  });
}
