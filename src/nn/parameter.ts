import { unscoped } from '../autograd/scope.js';
import { DTypeError } from '../errors.js';
import { isFloat, type DType, type Shape } from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { Tensor } from '../tensor/tensor.js';

/** Module state: a tensor that no scope and no backward frees. */
abstract class StateTensor extends Tensor {
  protected constructor(array: GpuArray, requiresGrad: boolean) {
    super(array, requiresGrad);
    this.retain();
  }
}

/** A tensor that a Module learns: it requires grad, and `parameters()` finds it. */
export class Parameter extends StateTensor {
  /**
   * @param source  Whose memory it shares; or the shape of new memory, to be filled by nn.init.
   * @throws DTypeError for a tensor of integers.
   */
  constructor(source: Tensor | Shape) {
    if (source instanceof Tensor && !isFloat(source.dtype)) {
      throw new DTypeError('Parameter', 'f32 or f16 for a tensor that requires grad', source.dtype);
    }
    super(arrayOf(source), true);
  }
}

/** A tensor that a Module keeps and does not learn: `buffers()` and `stateDict()` find it. */
export class Buffer extends StateTensor {
  /**
   * @param source  Whose memory it shares; or the shape of new memory, to be filled by nn.init.
   * @param dtype   Of new memory. Default f32.
   */
  constructor(source: Tensor | Shape, dtype: DType = 'f32') {
    super(arrayOf(source, dtype), false);
  }
}

function arrayOf(source: Tensor | Shape, dtype?: DType): GpuArray {
  return unscoped(() =>
    source instanceof Tensor ? source.array.share() : GpuArray.empty(source, dtype),
  );
}
