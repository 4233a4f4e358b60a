import source from '../../../shaders/argmax.wgsl';
import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError } from '../../errors.js';
import { numelOf } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { reducedShape, resolveDim, resolveDims } from '../kernels/dims.js';
import { ELEMENT_FLAGS, elementFlags } from '../kernels/element.js';
import { planRows } from '../kernels/reduce.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'argmax',
  source,
  params: { rows: 'u32', size: 'u32', inner: 'u32', segments: 'u32', candidates: 'u32' },
  flags: [...ELEMENT_FLAGS, 'MIN', 'CANDIDATES'],
  includes: { element, threads },
});

export interface ArgOptions {
  /** The dimension to search, negative from the end. Default: all, as if flattened. */
  dim?: number;
  /** Whether a searched dimension stays, as 1. Default false. */
  keepdim?: boolean;
}

/**
 * The index of the largest or smallest element along a dimension, as i32, without gradient.
 * The first of equals; NaN is taken before any number, as in PyTorch.
 */
export class Argmax extends Op {
  override readonly differentiable = false;

  constructor(
    readonly name: 'argmax' | 'argmin',
    readonly options: ArgOptions = {},
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const { dim, keepdim = false } = this.options;
    const ndim = x.shape.length;
    const at = dim === undefined ? null : resolveDim(this.name, dim, ndim);
    const outer = at === null ? 1 : numelOf(x.shape.slice(0, at));
    const inner = at === null ? 1 : numelOf(x.shape.slice(at + 1));
    const size = at === null ? x.numel : x.shape[at]!;
    if (size === 0) {
      throw new ArgumentError(this.name, 'at least one element to choose from', 'none');
    }
    const shape = reducedShape(x.shape, resolveDims(this.name, dim, ndim), keepdim);
    const rows = outer * inner;
    let found: GpuArray | null = null;
    for (const { size: candidates, segments } of planRows({ outer, size, inner })) {
      const y = GpuArray.empty(segments === 1 ? shape : [rows * segments], 'i32', x.device);
      launch(shader, 'argmax', {
        inputs: found ? [x, found] : [x],
        outputs: [y],
        params: { rows, size, inner, segments, candidates },
        flags: {
          ...elementFlags(x.dtype),
          MIN: this.name === 'argmin',
          CANDIDATES: found !== null,
        },
        threads: rows * segments,
      });
      found?.release();
      found = y;
    }
    return found!;
  }

  backward(): Gradients {
    return null;
  }
}
