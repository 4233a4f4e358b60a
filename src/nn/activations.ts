import type { GeluOptions, Tensor } from '../tensor/tensor.js';
import * as functional from './functional.js';
import { constant_ } from './init.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

/** max(x, 0), of any shape. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/**
 * min(max(x, 0), 6), of any shape.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU6.html
 */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return x.relu6();
  }
}

/**
 * x limited to [low, high], of any shape. Defaults -1 and 1.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html
 */
export class Hardtanh extends Module {
  constructor(
    readonly low = -1,
    readonly high = 1,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.hardtanh(this.low, this.high);
  }

  override extraRepr(): string {
    return `${this.low} to ${this.high}`;
  }
}

/**
 * x where x > 0, else negativeSlope x, of any shape. @param negativeSlope  Default 0.01.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html
 */
export class LeakyReLU extends Module {
  constructor(readonly negativeSlope = 0.01) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.leakyRelu(this.negativeSlope);
  }

  override extraRepr(): string {
    return `slope ${this.negativeSlope}`;
  }
}

/**
 * x where x > 0, else a learnt slope times x.
 *
 * @param numParameters  Slopes: 1 for all, or one for each channel. Default 1.
 * @param slope          Where they start. Default 0.25.
 *
 * Shape: (N, C, ...) -> the same. Parameters: `weight` (numParameters,).
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PReLU.html
 */
export class PReLU extends Module {
  readonly weight: Parameter;

  constructor(numParameters = 1, slope = 0.25) {
    super();
    this.weight = new Parameter([numParameters]);
    constant_(this.weight, slope);
  }

  forward(x: Tensor): Tensor {
    return functional.prelu(x, this.weight);
  }

  override extraRepr(): string {
    return `${this.weight.numel} ${this.weight.numel === 1 ? 'slope' : 'slopes'}`;
  }
}

/**
 * x where x > 0, else alpha (e^x - 1), of any shape. @param alpha  Default 1.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ELU.html
 */
export class ELU extends Module {
  constructor(readonly alpha = 1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.elu(this.alpha);
  }

  override extraRepr(): string {
    return `alpha ${this.alpha}`;
  }
}

/**
 * x P(x), of any shape, where P is the normal distribution.
 *
 * @param options  `approximate` 'none' (default) or 'tanh', the usual approximation.
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GELU.html
 */
export class GELU extends Module {
  constructor(private readonly options: GeluOptions = {}) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.gelu(this.options);
  }
}

/**
 * x / (1 + e^-x), of any shape; also known as swish.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.SiLU.html
 */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return x.silu();
  }
}

/**
 * ln(1 + e^(beta x)) / beta, of any shape; x itself where beta x > threshold. Defaults 1 and 20.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Softplus.html
 */
export class Softplus extends Module {
  constructor(
    readonly beta = 1,
    readonly threshold = 20,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.softplus(this.beta, this.threshold);
  }
}

/** 1 / (1 + e^-x), of any shape. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}

/** Hyperbolic tangent, of any shape. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return x.tanh();
  }
}

/** e^x over its sum along `dim`. @param dim  Default the last one. */
export class Softmax extends Module {
  constructor(readonly dim = -1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.softmax(this.dim);
  }

  override extraRepr(): string {
    return `dim ${this.dim}`;
  }
}

/** The logarithm of Softmax, without its rounding. @param dim  Default the last one. */
export class LogSoftmax extends Module {
  constructor(readonly dim = -1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.logSoftmax(this.dim);
  }

  override extraRepr(): string {
    return `dim ${this.dim}`;
  }
}

/** Its input. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}
