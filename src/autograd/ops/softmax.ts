import element from '../../../shaders/element.wgsl';
import rowsSource from '../../../shaders/rows.wgsl';
import source from '../../../shaders/softmax.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { numelOf } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import { checkFloat } from '../kernels/checks.js';
import { resolveDim } from '../kernels/dims.js';
import { ELEMENT_FLAGS } from '../kernels/element.js';
import { inParts } from '../kernels/parts.js';
import { rowLaunch } from '../kernels/rows.js';
import { Op } from '../op.js';

const shader = defineShader({
  name: 'softmax',
  source,
  params: { rows: 'u32', size: 'u32', inner: 'u32', infinity: 'f32', nan: 'f32' },
  flags: [...ELEMENT_FLAGS, 'LOG', 'WIDE'],
  includes: { element, rows: rowsSource, threads },
});

/**
 * Softmax of `x` along one dimension, or its logarithm, on f32 or f16 of any shape.
 *
 *   softmax      y = e^x / sum e^x        dx = y (dy - sum dy y)
 *   logSoftmax   y = x - ln(sum e^x)      dx = dy - e^y sum dy
 *
 * The maximum is subtracted first, so that no finite x overflows. As in PyTorch, -Inf has
 * probability 0; a row of nothing else, or with +Inf or NaN in it, is NaN.
 */
export class Softmax extends Op {
  private params!: ParamsOf<typeof shader>;
  private y!: GpuArray;

  /** @param dim  The dimension that sums to 1; negative counts from the last. */
  constructor(
    readonly dim: number,
    readonly name: 'softmax' | 'logSoftmax' = 'softmax',
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const { shape } = x;
    checkFloat(this.name, 'x', x);
    const dim = resolveDim(this.name, this.dim, shape.length || 1); // a scalar is a row of one
    const size = shape[dim] ?? 1;
    const inner = numelOf(shape.slice(dim + 1));
    const rows = numelOf(shape.slice(0, dim)) * inner;
    this.params = { rows, size, inner, infinity: Infinity, nan: NaN };
    const y = GpuArray.empty(shape, x.dtype, x.device);
    this.launch('forward', [x], y);
    this.y = this.save(y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = GpuArray.empty(dy.shape, dy.dtype, dy.device);
    this.launch('backward', [dy, this.y], dx);
    return dx;
  }

  private launch(entry: 'forward' | 'backward', inputs: GpuArray[], output: GpuArray): void {
    const { rows: all, size, inner } = this.params;
    inParts(
      { outer: all / (inner || 1), inner },
      inputs,
      [output],
      ({ outer, inner, ...arrays }) => {
        const rows = outer * inner;
        const { wide, constants, threads } = rowLaunch(output.device, rows, size);
        launch(shader, entry, {
          ...arrays,
          params: { ...this.params, rows, inner },
          flags: { LOG: this.name === 'logSoftmax', WIDE: wide },
          constants,
          threads: size === 0 ? 0 : threads,
        });
      },
    );
  }
}
