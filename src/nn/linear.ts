import type { Activation } from '../autograd/kernels/activation.js';
import type { Tensor } from '../tensor/tensor.js';
import { numelOf, type Shape } from '../gpu/dtype.js';
import { initWeightAndBias } from './defaultInit.js';
import * as functional from './functional.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

export interface LinearOptions {
  /** Whether it adds a learnt bias. Default true. */
  bias?: boolean;
}

/**
 * y = x W^T + b
 *
 * @param inFeatures   Size of the last dimension of the input.
 * @param outFeatures  Size of the last dimension of the output.
 *
 * Shape: (..., inFeatures) -> (..., outFeatures).
 * Parameters: `weight` (outFeatures, inFeatures) and `bias` (outFeatures), both from U(-b, b) with
 *   b = 1 / sqrt(inFeatures).
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
 */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { bias = true }: LinearOptions = {},
  ) {
    super();
    this.weight = new Parameter([outFeatures, inFeatures]);
    this.bias = bias ? new Parameter([outFeatures]) : null;
    initWeightAndBias(this.weight, this.bias);
  }

  forward(x: Tensor): Tensor {
    return functional.linear(x, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `${this.inFeatures} to ${this.outFeatures}`;
  }

  override multiplyAdds(_: Shape, outputShape: Shape): number {
    return (numelOf(outputShape) / this.outFeatures) * this.parameterCount();
  }

  /** The activation of `forward(x)`, computed by the same kernel. */
  forwardActivated(x: Tensor, activation: Activation): Tensor {
    return functional.linear(x, this.weight, this.bias, { activation });
  }
}
