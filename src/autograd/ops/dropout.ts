import source from '../../../shaders/dropout.wgsl';
import philox from '../../../shaders/philox.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError, ShapeError } from '../../errors.js';
import { numelOf } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { replayed } from '../../gpu/recording.js';
import { defaultGenerator, type Draw } from '../../random/generator.js';
import { checkFloat } from '../kernels/checks.js';
import { fill } from '../kernels/fill.js';
import { Op } from '../op.js';

const shader = defineShader({
  name: 'dropout',
  source,
  params: {
    count: 'u32',
    start: 'u32',
    inner: 'u32',
    below: 'u32',
    scale: 'f32',
    seed0: 'u32',
    seed1: 'u32',
    offset: 'u32',
  },
  includes: { philox, threads },
});

const WORDS = 2 ** 32; // how many there are to draw

/** @throws ArgumentError that names the op, unless `p` is a probability. */
export function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(op, 'p from 0 to 1', p);
}

/**
 * Each element, or as dropout2d each channel of (N, C, H, W) or (C, H, W), is 0 with probability p,
 * independently; the rest is scaled, so that the mean stays what it was.
 *
 *   y = m x / (1 - p)      m = 0 with probability p, else 1
 *   dx = m dy / (1 - p)
 *
 * m is not kept: backward draws it again, from the seed and the position in the stream that forward
 * drew from. What is dropped is 0 even where x is Inf or NaN.
 */
export class Dropout extends Op {
  private inner = 1; // elements that share an m
  private draw: (() => Draw) | null = null;

  constructor(
    readonly p: number,
    readonly name: 'dropout' | 'dropout2d' = 'dropout',
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const { name, p } = this;
    const { shape } = x;
    checkProbability(name, p);
    checkFloat(name, 'x', x);
    if (name === 'dropout2d') {
      if (shape.length !== 3 && shape.length !== 4)
        throw new ShapeError(name, 'x (N, C, H, W) or (C, H, W)', shape);
      this.inner = numelOf(shape.slice(-2)) || 1;
    }
    if (p < 1) this.draw = replayed(x.device, () => defaultGenerator.next());
    return this.mask(x);
  }

  backward(dy: GpuArray): GpuArray {
    return this.mask(dy);
  }

  private mask(x: GpuArray): GpuArray {
    const { p, inner } = this;
    const y = GpuArray.empty(x.shape, x.dtype, x.device);
    if (p === 1) return fill(y, 0);
    const count = x.numel;
    const { draw } = this;
    launch(shader, 'apply', {
      inputs: [x],
      outputs: [y],
      params: {
        seed0: () => draw?.().seed0 ?? 0,
        seed1: () => draw?.().seed1 ?? 0,
        offset: () => draw?.().offset ?? 0,
        ...{ count, start: 0, inner, scale: 1 / (1 - p) },
        below: Math.min(Math.round(p * WORDS), WORDS - 1),
      },
      elements: count,
    });
    return y;
  }
}
