import { ShapeError } from '../errors.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import { Tensor } from '../tensor/tensor.js';
import { Dataset } from './dataset.js';
import { gatherRows } from './gatherRows.js';

export interface TensorDatasetOptions {
  /** Names of the classes, by label. Default none. */
  classNames?: readonly string[];
  /** The class of each example, for what keeps classes in proportion. Default unknown. */
  labels?: ArrayLike<number>;
}

/**
 * Examples that are the rows of tensors: `[x[i], y[i], ...]`.
 * Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.TensorDataset
 */
export class TensorDataset extends Dataset {
  readonly length: number;
  readonly tensors: readonly Tensor[];

  override readonly classNames: readonly string[];
  override readonly labels: ArrayLike<number> | undefined;

  /**
   * @param args  Tensors of one length along the first dimension, which it keeps alive; then, if
   *              wanted, options.
   * @throws ShapeError for tensors of several lengths, or another number of labels.
   *
   * @example
   * new TensorDataset(x, y, { classNames: ['cat', 'dog'] });
   */
  constructor(...args: Tensor[] | [...tensors: Tensor[], options: TensorDatasetOptions]) {
    super();
    const last = args.at(-1);
    const options = last instanceof Tensor ? undefined : last;
    const tensors = (options ? args.slice(0, -1) : args) as Tensor[];
    const { classNames = [], labels } = options ?? {};
    const length = tensors[0]?.shape[0];
    const odd = tensors.find(({ shape }) => shape[0] !== length);
    if (length === undefined || odd) {
      throw new ShapeError(
        'TensorDataset',
        'tensors of one length along dimension 0',
        odd?.shape ?? 'none',
      );
    }
    if (labels && labels.length !== length)
      throw new ShapeError('TensorDataset', `${length} labels`, `${labels.length}`);
    this.length = length;
    this.classNames = classNames;
    this.labels = labels;
    this.tensors = tensors.map((tensor) => tensor.retain());
  }

  gather(order: GpuArray, start: number, count: number): Tensor[] {
    return this.tensors.map(({ array }) => new Tensor(gatherRows(array, order, start, count)));
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose();
  }
}
