import source from '../../shaders/gatherRows.wgsl';
import threads from '../../shaders/threads.wgsl';
import { GpuArray } from '../gpu/gpuArray.js';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';

const shader = defineShader({
  name: 'gatherRows',
  source,
  params: { count: 'u32', rowSize: 'u32', start: 'u32' },
  includes: { threads },
});

/** Rows `order[start]` to `order[start + count - 1]` of `x`, whose rows are its first dimension. */
export function gatherRows(x: GpuArray, order: GpuArray, start: number, count: number): GpuArray {
  const [length, ...rowShape] = x.shape as [number, ...number[]];
  const rows = GpuArray.empty([count, ...rowShape], x.dtype, x.device);
  const params = { count: rows.numel, rowSize: x.numel / length, start };
  launch(shader, 'gather', { inputs: [x, order], outputs: [rows], params, threads: rows.numel });
  return rows;
}
