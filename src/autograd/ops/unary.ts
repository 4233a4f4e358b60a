import activation from '../../../shaders/activation.wgsl';
import element from '../../../shaders/element.wgsl';
import nonFinite from '../../../shaders/nonFinite.wgsl';
import threads from '../../../shaders/threads.wgsl';
import source from '../../../shaders/unary.wgsl';
import { DTypeError } from '../../errors.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { checkFloat } from '../kernels/checks.js';
import { ELEMENT_FLAGS, elementFlags } from '../kernels/element.js';
import { fill } from '../kernels/fill.js';
import { Op } from '../op.js';

interface UnaryFunction {
  /** In the shader. */
  flag: string;
  /** What its derivative is written in; nothing where that is 0. */
  keeps: 'x' | 'y' | null;
  /** Whether it takes i32 too, which gives i32. */
  integers?: boolean;
  /** Its name, where that is not its key. */
  name?: string;
}

const FUNCTIONS = {
  neg: { flag: 'NEG', keeps: 'x', integers: true },
  abs: { flag: 'ABS', keeps: 'x', integers: true },
  sign: { flag: 'SIGN', keeps: null, integers: true },
  floor: { flag: 'FLOOR', keeps: null },
  ceil: { flag: 'CEIL', keeps: null },
  round: { flag: 'ROUND', keeps: null },
  exp: { flag: 'EXP', keeps: 'y' },
  log: { flag: 'LOG', keeps: 'x' },
  sqrt: { flag: 'SQRT', keeps: 'y' },
  rsqrt: { flag: 'RSQRT', keeps: 'y' },
  square: { flag: 'SQUARE', keeps: 'x', integers: true },
  reciprocal: { flag: 'RECIPROCAL', keeps: 'y' },
  sin: { flag: 'SIN', keeps: 'x' },
  cos: { flag: 'COS', keeps: 'x' },
  relu: { flag: 'RELU', keeps: 'y', integers: true },
  relu6: { flag: 'HARDTANH', keeps: 'x' },
  hardtanh: { flag: 'HARDTANH', keeps: 'x' },
  leakyRelu: { flag: 'LEAKY_RELU', keeps: 'x' },
  elu: { flag: 'ELU', keeps: 'x' },
  gelu: { flag: 'GELU', keeps: 'x' },
  geluTanh: { flag: 'GELU_TANH', keeps: 'x', name: 'gelu' },
  silu: { flag: 'SILU', keeps: 'x' },
  softplus: { flag: 'SOFTPLUS', keeps: 'x' },
  sigmoid: { flag: 'SIGMOID', keeps: 'y' },
  tanh: { flag: 'TANH', keeps: 'y' },
} as const satisfies Record<string, UnaryFunction>;

export type UnaryName = keyof typeof FUNCTIONS;
type Flag = (typeof FUNCTIONS)[UnaryName]['flag'];

const shader = defineShader({
  name: 'unary',
  source,
  params: { count: 'u32', a: 'f32', b: 'f32' },
  flags: [
    ...ELEMENT_FLAGS,
    ...new Set<Flag>(Object.values(FUNCTIONS).map(({ flag }): Flag => flag)),
  ],
  includes: { activation, element, nonFinite, threads },
});

/**
 * One function of each element, on f32 or f16 of any shape; neg, abs, sign, square and relu on i32
 * too. NaN stays NaN, but sign(NaN) is 0, all as in PyTorch.
 *
 *   neg         y = -x               dx = -dy
 *   abs         y = |x|              dx = dy sign(x), 0 at 0
 *   sign        y = -1, 0 or 1       dx = 0, as of the next three
 *   floor       y = the next integer downwards
 *   ceil        y = the next integer upwards
 *   round       y = the nearest integer, the even one of two
 *   exp         y = e^x              dx = dy y
 *   log         y = ln x             dx = dy / x
 *   sqrt        y = x^(1/2)          dx = dy / (2 y)
 *   rsqrt       y = x^(-1/2)         dx = -dy y^3 / 2
 *   square      y = x^2              dx = dy 2 x
 *   reciprocal  y = 1 / x            dx = -dy y^2
 *   sin         y = sin x            dx = dy cos x
 *   cos         y = cos x            dx = -dy sin x
 *   relu        y = max(x, 0)        dx = dy where x > 0, else 0
 *   hardtanh    y = min(max(x, a), b)    dx = dy where a < x < b, else 0; relu6 from 0 to 6
 *   leakyRelu   y = x where x > 0, else a x            dx = dy where x > 0, else a dy
 *   elu         y = x where x > 0, else a (e^x - 1)    dx = dy where x > 0, else dy a e^x
 *   gelu        y = x P(x), P the normal distribution  dx = dy (P(x) + x P'(x))
 *   geluTanh    y = x s(2 sqrt(2/pi) (x + 0.044715 x^3)), s = sigmoid
 *   silu        y = x s(x)           dx = dy s(x) (1 + x (1 - s(x)))
 *   softplus    y = ln(1 + e^(a x)) / a                dx = dy s(a x); x and dy where a x > b
 *   sigmoid     y = 1/(1+e^-x)       dx = dy y (1 - y)
 *   tanh        y = tanh x           dx = dy (1 - y^2)
 *
 * sin and cos are precise up to |x| = 2e4.
 */
export class Unary extends Op {
  readonly name: string;
  private readonly entry: UnaryFunction & { flag: Flag };
  private kept!: GpuArray; // x or y

  /** @param a, b  The function's parameters, for those above that have any. */
  constructor(
    name: UnaryName,
    private readonly a = 0,
    private readonly b = 0,
  ) {
    super();
    this.entry = FUNCTIONS[name];
    this.name = this.entry.name ?? name;
  }

  forward(x: GpuArray): GpuArray {
    this.check(x);
    const y = GpuArray.empty(x.shape, x.dtype, x.device);
    this.launch('forward', [x], y);
    const { keeps } = this.entry;
    if (keeps) this.kept = this.save(keeps === 'x' ? x : y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = GpuArray.empty(dy.shape, dy.dtype, dy.device);
    if (this.entry.keeps) this.launch('backward', [dy, this.kept], dx);
    else fill(dx, 0);
    return dx;
  }

  private launch(entry: 'forward' | 'backward', inputs: GpuArray[], output: GpuArray): void {
    const { a, b } = this;
    const count = output.numel;
    launch(shader, entry, {
      inputs,
      outputs: [output],
      params: { count, a, b },
      flags: { ...elementFlags(output.dtype), [this.entry.flag]: true },
      elements: count,
    });
  }

  private check(x: GpuArray): void {
    if (!this.entry.integers) checkFloat(this.name, 'x', x);
    else if (x.dtype === 'u32')
      throw new DTypeError(this.name, 'x of f32, f16 or i32', 'u32', "Convert it with to('i32').");
  }
}
