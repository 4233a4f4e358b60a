import source from '../../../shaders/oneHot.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError } from '../../errors.js';
import type { DType } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { checkIndex } from '../kernels/checks.js';
import { ELEMENT_FLAGS, elementFlags } from '../kernels/element.js';
import { inParts } from '../kernels/parts.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'oneHot',
  source,
  params: { count: 'u32', classes: 'u32' },
  flags: ELEMENT_FLAGS,
  includes: { threads },
});

/**
 * 1 at the class of each index, 0 elsewhere: `index` (...) of i32 or u32 gives (..., numClasses).
 * An index outside 0 to numClasses - 1 gives zeros alone, since the GPU cannot throw.
 */
export class OneHot extends Op {
  readonly name = 'oneHot';
  override readonly differentiable = false;

  /** @param dtype  Of the result. */
  constructor(
    readonly numClasses: number,
    readonly dtype: DType = 'f32',
  ) {
    super();
  }

  forward(index: GpuArray): GpuArray {
    const { numClasses: classes, dtype } = this;
    if (!Number.isInteger(classes) || classes < 1)
      throw new ArgumentError(this.name, 'numClasses from 1 up', classes);
    checkIndex(this.name, index);
    const y = GpuArray.empty([...index.shape, classes], dtype, index.device);
    inParts({ outer: index.numel }, [index], [y], ({ outer, ...arrays }) => {
      const count = outer * classes;
      launch(shader, 'forward', {
        ...arrays,
        params: { count, classes },
        flags: elementFlags(dtype),
        threads: count,
      });
    });
    return y;
  }

  backward(): Gradients {
    return null;
  }
}
