import activation from '../../../shaders/activation.wgsl';
import threads from '../../../shaders/threads.wgsl';
import source from '../../../shaders/unary.wgsl';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { checkFloat } from '../kernels/checks.js';
import { elementThreads } from '../kernels/element.js';
import { Op } from '../op.js';

/** For each function: its flag in the shader, and whether its derivative is written in x or y. */
const FUNCTIONS = {
  neg: { flag: 'NEG', keeps: 'x' },
  abs: { flag: 'ABS', keeps: 'x' },
  exp: { flag: 'EXP', keeps: 'y' },
  log: { flag: 'LOG', keeps: 'x' },
  sqrt: { flag: 'SQRT', keeps: 'y' },
  square: { flag: 'SQUARE', keeps: 'x' },
  relu: { flag: 'RELU', keeps: 'y' },
  sigmoid: { flag: 'SIGMOID', keeps: 'y' },
  tanh: { flag: 'TANH', keeps: 'y' },
} as const;

export type UnaryName = keyof typeof FUNCTIONS;
type Flag = (typeof FUNCTIONS)[UnaryName]['flag'];

const shader = defineShader({
  name: 'unary',
  source,
  params: { count: 'u32' },
  flags: Object.values(FUNCTIONS).map(({ flag }) => flag),
  includes: { activation, threads },
});

/**
 * One function of each element, on f32 or f16 of any shape.
 *
 *   neg      y = -x           dx = -dy
 *   abs      y = |x|          dx = dy sign(x), 0 at 0
 *   exp      y = e^x          dx = dy y
 *   log      y = ln x         dx = dy / x
 *   sqrt     y = x^(1/2)      dx = dy / (2 y)
 *   square   y = x^2          dx = dy 2 x
 *   relu     y = max(x, 0)    dx = dy where x > 0, else 0
 *   sigmoid  y = 1/(1+e^-x)   dx = dy y (1 - y)
 *   tanh     y = tanh x       dx = dy (1 - y^2)
 */
export class Unary extends Op {
  private readonly flags: Partial<Record<Flag, boolean>>;
  private readonly keeps: 'x' | 'y';
  private kept!: GpuArray; // x or y

  constructor(readonly name: UnaryName) {
    super();
    const { flag, keeps } = FUNCTIONS[name];
    this.flags = { [flag]: true };
    this.keeps = keeps;
  }

  forward(x: GpuArray): GpuArray {
    checkFloat(this.name, 'x', x);
    const y = GpuArray.empty(x.shape, x.dtype, x.device);
    const count = x.numel;
    launch(shader, 'forward', {
      inputs: [x],
      outputs: [y],
      params: { count },
      flags: this.flags,
      threads: elementThreads(count),
    });
    this.kept = this.save(this.keeps === 'x' ? x : y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = GpuArray.empty(dy.shape, dy.dtype, dy.device);
    const count = dy.numel;
    launch(shader, 'backward', {
      inputs: [dy, this.kept],
      outputs: [dx],
      params: { count },
      flags: this.flags,
      threads: elementThreads(count),
    });
    return dx;
  }
}
