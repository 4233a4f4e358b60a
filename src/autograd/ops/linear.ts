import { formatShape, ShapeError } from '../../errors.js';
import { numelOf, sameShape, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { checkSameFloat } from '../kernels/checks.js';
import { matmul } from '../kernels/matmul.js';
import { reduceDims } from '../kernels/reduce.js';
import { reshaped } from '../kernels/reshaped.js';
import { Op, type Gradients } from '../op.js';

/**
 * A dense layer: `x` (..., in), `weight` (out, in) and, if there is one, `bias` (out,).
 *
 *   y       = x weight^T + bias      (..., out)
 *   dx      = dy weight
 *   dweight = dy^T x                 summed over all rows
 *   dbias   = sum of the rows of dy
 */
export class Linear extends Op {
  readonly name = 'linear';
  private inShape!: Shape;
  private x!: GpuArray; // (rows, in)
  private weight!: GpuArray;

  forward(x: GpuArray, weight: GpuArray, bias?: GpuArray): GpuArray {
    this.check(x, weight, bias);
    this.inShape = x.shape;
    const [outSize, inSize] = weight.shape as [number, number];
    const lead = x.shape.slice(0, -1);
    this.x = this.own(x.share([numelOf(lead), inSize]));
    this.weight = this.save(weight);
    const y = matmul(this.x, weight, { transposeB: true, bias });
    return reshaped(y, [...lead, outSize]);
  }

  backward(dy: GpuArray): Gradients {
    const { x, weight } = this;
    const rows = dy.share([x.shape[0]!, weight.shape[0]!]);
    const dx = this.needs[0] ? reshaped(matmul(rows, weight), this.inShape) : null;
    const dWeight = this.needs[1] ? matmul(rows, x, { transposeA: true }) : null;
    const dBias = this.needs[2] ? reduceDims(rows, [0]) : null;
    rows.release();
    return [dx, dWeight, dBias && reshaped(dBias, weight.shape.slice(0, 1))];
  }

  private check(x: GpuArray, weight: GpuArray, bias?: GpuArray): void {
    for (const [name, array] of Object.entries({ x, weight, bias })) {
      if (array) checkSameFloat(this.name, name, array, x);
    }
    if (weight.shape.length !== 2) {
      throw new ShapeError(this.name, 'weight (out, in)', weight.shape);
    }
    const [outSize, inSize] = weight.shape as [number, number];
    if (x.shape.at(-1) !== inSize) {
      throw new ShapeError(
        this.name,
        `x (..., ${inSize}) for weight ${formatShape(weight.shape)}`,
        x.shape,
        'Bring images to rows with flatten(1).',
      );
    }
    if (bias && !sameShape(bias.shape, [outSize])) {
      throw new ShapeError(this.name, `bias ${formatShape([outSize])}`, bias.shape);
    }
  }
}
