import { ArgumentError, formatShape, ShapeError } from '../../errors.js';
import { numelOf, sameShape, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { ACTIVATIONS, type Activation, type Incoming } from '../kernels/activation.js';
import { checkSameFloat } from '../kernels/checks.js';
import { matmul } from '../kernels/matmul.js';
import { reshaped } from '../kernels/reshaped.js';
import { Op, type Gradients } from '../op.js';

export interface LinearOptions {
  /** Applied to the result, in the same kernel. Default none. */
  activation?: Activation;
}

/**
 * A dense layer: `x` (..., in), `weight` (out, in) and, if there is one, `bias` (out,).
 *
 *   y       = x weight^T + bias      (..., out)
 *   dx      = dy weight
 *   dweight = dy^T x                 summed over all rows
 *   dbias   = sum of the rows of dy
 *
 * and with an activation f, y = f(that) and dy is multiplied by f' first.
 */
export class Linear extends Op {
  readonly name = 'linear';
  private inShape!: Shape;
  private x: GpuArray | null = null; // (rows, in), kept for dweight
  private weight: GpuArray | null = null; // kept for dx
  private y: GpuArray | null = null; // (rows, out), kept for the activation

  /** @param options  `activation`: 'relu', 'sigmoid' or 'tanh'; default none. */
  constructor(readonly options: LinearOptions = {}) {
    super();
  }

  forward(x: GpuArray, weight: GpuArray, bias?: GpuArray): GpuArray {
    this.check(x, weight, bias);
    this.inShape = x.shape;
    const [outSize, inSize] = weight.shape as [number, number];
    const lead = x.shape.slice(0, -1);
    const { activation } = this.options;
    const rows = x.share([numelOf(lead), inSize]);
    const y = matmul(rows, weight, { transposeB: true, bias, activation });
    if (this.needs[1] || this.needs[2]) this.x = this.save(rows);
    if (this.needs[0]) this.weight = this.save(weight);
    if (activation) this.y = this.save(y);
    rows.release();
    return reshaped(y, [...lead, outSize]);
  }

  backward(dy: GpuArray): Gradients {
    const { weight, x, inShape } = this;
    const outSize = dy.shape.at(-1)!;
    const incoming: Incoming = {
      array: dy.share([numelOf(inShape.slice(0, -1)), outSize]),
      activation: this.options.activation,
      activated: this.y ?? undefined,
    };
    const dx = weight && reshaped(matmul(incoming, weight), inShape);
    let dWeight: GpuArray | null = null;
    let dBias: GpuArray | null = null;
    if (x) {
      dBias = this.needs[2] ? this.gradientFor(2, dy.device) : null;
      const into = this.gradientFor(1, dy.device);
      dWeight = matmul(incoming, x, { transposeA: true, into, rowSums: dBias ?? undefined });
    }
    incoming.array.release();
    if (!this.needs[1]) dWeight?.release();
    return [dx, this.needs[1] ? dWeight : null, dBias];
  }

  private check(x: GpuArray, weight: GpuArray, bias?: GpuArray): void {
    const { activation } = this.options;
    if (!ACTIVATIONS.includes(activation)) {
      throw new ArgumentError(this.name, "activation 'relu', 'sigmoid' or 'tanh'", activation);
    }
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
