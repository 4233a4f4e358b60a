import source from '../../../shaders/layerNorm.wgsl';
import rowsSource from '../../../shaders/rows.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ShapeError } from '../../errors.js';
import { numelOf, sameShape, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import {
  affineInputs,
  affineOf,
  checkAffine,
  type Affine,
  type AffineInputs,
} from '../kernels/affine.js';
import { accumulate } from '../kernels/accumulate.js';
import { castTo } from '../kernels/cast.js';
import { checkFloat } from '../kernels/checks.js';
import { inParts } from '../kernels/parts.js';
import { reshaped } from '../kernels/reshaped.js';
import { partLaunch, rowLaunch } from '../kernels/rows.js';
import { sumTo } from '../kernels/sumTo.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'layerNorm',
  source,
  params: { rows: 'u32', size: 'u32', parts: 'u32', partSize: 'u32', eps: 'f32' },
  flags: ['WEIGHT', 'BIAS', 'WIDE'],
  includes: { rows: rowsSource, threads },
});

/**
 * Layer normalization of `x`, (..., normalizedShape): each row, the m elements of the last
 * dimensions, on its own.
 *
 *   y   = xhat w + b,   xhat = (x - mean) / sqrt(var + eps),   var = sum (x - mean)^2 / m
 *   db  = sum dy,       dw = sum dy xhat      over the rows
 *   dx  = (g - sum g / m - xhat sum(g xhat) / m) / sqrt(var + eps),   g = dy w
 */
export class LayerNorm extends Op {
  readonly name = 'layerNorm';
  private params!: ParamsOf<typeof shader>;
  private affine!: Affine<GpuArray>;
  private x!: GpuArray; // this and the rest are saved for backward
  private stats!: GpuArray;
  private weight: GpuArray | null = null;

  /**
   * @param normalizedShape  The last dimensions of x.
   * @param given            Which of weight and bias, both of that shape, are inputs behind x.
   */
  constructor(
    private readonly normalizedShape: Shape,
    private readonly eps: number,
    private readonly given: AffineInputs,
  ) {
    super();
  }

  forward(x: GpuArray, ...inputs: GpuArray[]): GpuArray {
    this.affine = affineOf(this.given, inputs);
    this.check(x);
    const { device } = x;
    const size = numelOf(this.normalizedShape);
    const rows = numelOf(x.shape.slice(0, x.shape.length - this.normalizedShape.length));
    this.params = { rows, size, parts: 1, partSize: rows, eps: this.eps };
    this.x = this.save(x);
    this.stats = this.own(GpuArray.empty([rows || 1, 4], 'f32', device)); // bound also when empty
    const { weight, bias } = this.affine;
    this.weight = weight && this.own(castTo(weight, 'f32'));
    const shift = bias && castTo(bias, 'f32');
    const y = GpuArray.empty(x.shape, x.dtype, device);
    this.launchRows('forward', [x], [this.weight, shift], [y, this.stats]);
    shift?.release();
    return y;
  }

  backward(dy: GpuArray): Gradients {
    const gradients = { weight: null, bias: null } as Affine<GpuArray>;
    const needs = affineOf(this.given, this.needs.slice(1));
    if (needs.weight || needs.bias) {
      const sums = this.sums(dy);
      for (const name of ['weight', 'bias'] as const) {
        if (needs[name]) gradients[name] = castTo(sums[name], this.affine[name]!.dtype);
        sums[name].release();
      }
    }
    let dx: GpuArray | null = null;
    if (this.needs[0]) {
      dx = GpuArray.empty(dy.shape, dy.dtype, dy.device);
      this.launchRows('backward', [this.x, dy, this.stats], [this.weight], [dx]);
    }
    return [dx, ...affineInputs(this.given, gradients)];
  }

  private launchRows(
    entry: 'forward' | 'backward',
    ofRows: readonly GpuArray[],
    shared: readonly (GpuArray | null)[],
    outputs: readonly GpuArray[],
  ): void {
    const { rows, size } = this.params;
    inParts({ outer: rows }, ofRows, outputs, ({ outer, inputs, outputs }) => {
      const { wide, constants, threads } = rowLaunch(this.x.device, outer, size);
      launch(shader, entry, {
        inputs: [...inputs, ...shared.map((array) => array ?? inputs[0]!)],
        outputs,
        params: { ...this.params, rows: outer },
        flags: { WEIGHT: this.given.weight, BIAS: this.given.bias, WIDE: wide },
        constants,
        threads: size === 0 ? 0 : threads,
      });
    });
  }

  /** Of dy xhat and dy over the rows: the gradients of weight and bias, in f32. */
  private sums(dy: GpuArray): { weight: GpuArray; bias: GpuArray } {
    const { rows: all, size } = this.params;
    const total = {} as { weight: GpuArray; bias: GpuArray };
    inParts({ outer: all }, [this.x, dy, this.stats], [], ({ outer: rows, inputs }) => {
      // Neighbouring threads take neighbouring columns.
      const { parts, partSize, constants, threads } = partLaunch(dy.device, size, rows, false);
      const bias = GpuArray.empty([parts, size], 'f32', dy.device);
      const weight = GpuArray.empty([parts, size], 'f32', dy.device);
      launch(shader, 'sums', {
        inputs,
        outputs: [bias, weight],
        params: { ...this.params, rows, parts, partSize },
        constants,
        threads,
      });
      for (const [name, sums] of Object.entries({ weight, bias }) as ['weight', GpuArray][]) {
        const sum = reshaped(sumTo(sums, [size]), this.normalizedShape);
        total[name] = name in total ? accumulate(total[name], sum) : sum;
      }
    });
    return total;
  }

  private check(x: GpuArray): void {
    const { name, normalizedShape } = this;
    checkFloat(name, 'x', x);
    if (normalizedShape.length === 0) {
      throw new ShapeError(name, 'normalizedShape of one dimension or more', normalizedShape);
    }
    const last = x.shape.slice(-normalizedShape.length);
    if (!sameShape(last, normalizedShape)) {
      throw new ShapeError(name, `x (..., ${normalizedShape.join(', ')})`, x.shape);
    }
    checkAffine(name, this.affine, normalizedShape, x);
  }
}
