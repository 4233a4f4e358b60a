import { ShapeError } from '../errors.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import { Tensor } from '../tensor/tensor.js';
import { Dataset } from './dataset.js';
import { gatherRows } from './gatherRows.js';

/**
 * Examples that are the rows of tensors: `[x[i], y[i], ...]`.
 * Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.TensorDataset
 */
export class TensorDataset extends Dataset {
  readonly length: number;
  readonly tensors: readonly Tensor[];

  /** @param tensors  Of one length along the first dimension; it keeps them alive. */
  constructor(...tensors: Tensor[]) {
    super();
    const length = tensors[0]?.shape[0];
    const odd = tensors.find(({ shape }) => shape[0] !== length);
    if (length === undefined || odd) {
      throw new ShapeError(
        'TensorDataset',
        'tensors of one length along dimension 0',
        odd?.shape ?? 'none',
      );
    }
    this.length = length;
    this.tensors = tensors.map((tensor) => tensor.retain());
  }

  gather(order: GpuArray, start: number, count: number): Tensor[] {
    return this.tensors.map(({ array }) => new Tensor(gatherRows(array, order, start, count)));
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose();
  }
}
