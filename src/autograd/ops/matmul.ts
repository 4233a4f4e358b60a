import { formatShape, ShapeError } from '../../errors.js';
import { numelOf, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { checkSameFloat } from '../kernels/checks.js';
import { matmul } from '../kernels/matmul.js';
import { reshaped } from '../kernels/reshaped.js';
import { broadcastShape } from '../kernels/strides.js';
import { sumTo } from '../kernels/sumTo.js';
import { Op, type Gradients } from '../op.js';

/**
 * Matrix product of `a` (..., M, K) and `b` (..., K, N), as PyTorch's `matmul`.
 *
 *   c  = a b         (..., M, N)
 *   da = dc b^T      summed over the leading dimensions along which a was repeated
 *   db = a^T dc      and b likewise
 *
 * Leading dimensions broadcast. A vector `a` is a row and a vector `b` a column, and the result
 * lacks that dimension: (K,) and (K,) give a scalar.
 */
export class MatMul extends Op {
  readonly name = 'matmul';
  private inShapes!: readonly [Shape, Shape];
  private outShape!: Shape; // of c with the dimensions that vectors lack
  private a!: GpuArray; // this and the next are matrices or batches of them
  private b!: GpuArray;

  forward(a: GpuArray, b: GpuArray): GpuArray {
    this.check('a', a, a);
    this.check('b', b, a);
    this.inShapes = [a.shape, b.shape];
    const aShape = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const bShape = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    const lead = broadcastShape(this.name, aShape.slice(0, -2), bShape.slice(0, -2));
    const k = a.shape.at(-1)!;
    if (bShape.at(-2) !== k) {
      throw new ShapeError(
        this.name,
        `b ${b.shape.length === 1 ? `(${k},)` : `(..., ${k}, N)`} for a ${formatShape(a.shape)}`,
        b.shape,
        'Transpose one of them with transpose(-2, -1).',
      );
    }
    // With one matrix b, the batch of a is no more than additional rows.
    const rows = [numelOf(aShape.slice(0, -1)), k];
    this.a = this.own(a.share(bShape.length === 2 ? rows : aShape));
    this.b = this.own(b.share(bShape));

    const c = matmul(this.a, this.b);
    this.outShape = c.shape;
    const m = a.shape.length === 1 ? [] : a.shape.slice(-2, -1);
    const n = b.shape.length === 1 ? [] : b.shape.slice(-1);
    return reshaped(c, [...lead, ...m, ...n]);
  }

  backward(dy: GpuArray): Gradients {
    const dc = dy.share(this.outShape);
    const da = this.needs[0] ? matmul(dc, this.b, { transposeB: true }) : null;
    const db = this.needs[1] ? matmul(this.a, dc, { transposeA: true }) : null;
    dc.release();
    return [
      da && reshaped(sumTo(da, this.a.shape), this.inShapes[0]),
      db && reshaped(sumTo(db, this.b.shape), this.inShapes[1]),
    ];
  }

  private check(name: string, array: GpuArray, like: GpuArray): void {
    checkSameFloat(this.name, name, array, like);
    if (array.shape.length === 0) {
      throw new ShapeError(
        this.name,
        `${name} of one dimension or more`,
        array.shape,
        'Use mul().',
      );
    }
  }
}
