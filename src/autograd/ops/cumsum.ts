import source from '../../../shaders/cumsum.wgsl';
import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { isFloat } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { resolveDimOrScalar, rowsOf } from '../kernels/dims.js';
import { ELEMENT_FLAGS, elementFlags } from '../kernels/element.js';
import { inParts } from '../kernels/parts.js';
import type { Rows } from '../kernels/reduce.js';
import { Op } from '../op.js';

const shader = defineShader({
  name: 'cumsum',
  source,
  params: { count: 'u32', size: 'u32', inner: 'u32', segments: 'u32', length: 'u32' },
  flags: [...ELEMENT_FLAGS, 'ENDS', 'REVERSE'],
  includes: { element, threads },
});

/**
 * Running sums along one dimension, of any dtype; integers wrap.
 *
 *   y[i] = sum x[j] over j <= i    dx[j] = sum dy[i] over i >= j
 */
export class Cumsum extends Op {
  readonly name = 'cumsum';
  private rows!: Rows;

  constructor(readonly dim: number) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    this.rows = rowsOf(x.shape, resolveDimOrScalar(this.name, this.dim, x.shape.length));
    return runningSums(x, this.rows, false);
  }

  backward(dy: GpuArray): GpuArray {
    return runningSums(dy, this.rows, true);
  }
}

const ENOUGH_THREADS = 16384;
const LEAST_ELEMENTS = 32; // of a thread, or else its start costs more than its work

function runningSums(x: GpuArray, { size, ...dims }: Rows, reverse: boolean): GpuArray {
  const y = GpuArray.empty(x.shape, x.dtype, x.device);
  inParts(dims, [x], [y], ({ inputs, outputs, ...rows }) =>
    sumRows(inputs[0]!, outputs[0]!, { size, ...rows }, reverse),
  );
  return y;
}

function sumRows(x: GpuArray, y: GpuArray, { outer, size, inner }: Rows, reverse: boolean): void {
  const rows = outer * inner;
  const wanted = Math.max(1, Math.ceil(ENOUGH_THREADS / Math.max(rows, 1)));
  const length = Math.max(LEAST_ELEMENTS, Math.ceil(size / wanted));
  const segments = Math.ceil(size / length);
  const count = rows * segments;
  const params = { count, size, inner, segments, length };
  const flags = { ...elementFlags(x.dtype), REVERSE: reverse };
  let ends: GpuArray | null = null;
  if (segments > 1) {
    const sums = GpuArray.empty([rows, segments], isFloat(x.dtype) ? 'f32' : x.dtype, x.device);
    launch(shader, 'totals', { inputs: [x], outputs: [sums], params, flags, threads: count });
    ends = runningSums(sums, { outer: rows, size: segments, inner: 1 }, false);
    sums.release();
  }
  launch(shader, 'scan', {
    inputs: ends ? [x, ends] : [x],
    outputs: [y],
    params,
    flags: { ...flags, ENDS: ends !== null },
    threads: count,
  });
  ends?.release();
}
