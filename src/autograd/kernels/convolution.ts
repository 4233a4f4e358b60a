/** Convolutions and their gradients, by the kernels that are chosen for them. Shapes are not checked. */
import type { Device } from '../../gpu/device.js';
import type { DType } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import type { Trial } from '../../gpu/kernelChoices.js';
import type { Activation, Incoming } from './activation.js';
import { choose, type KernelFamily } from './choice.js';
import { contiguous } from './convolutionLayout.js';
import { correlate } from './correlate.js';
import {
  gradients as directGradients,
  inputCorrelations,
  weightGradient,
  type WeightGradient,
} from './directGradients.js';
import {
  canGemm,
  gemmForward,
  gemmInputGradient,
  gemmWeightGradient,
  type GemmVariant,
} from './gemm.js';
import type { ConvGeometry } from './geometry.js';
import { trialInputs } from './random.js';
import { fromTable, TABLE, type ConvSize } from './table.js';
import {
  canWinograd,
  winogradForward,
  winogradInputGradient,
  winogradWeightGradient,
  type WinogradVariant,
} from './winograd.js';

/**
 * The kernels for a convolution.
 *
 *   direct                 packed windows, sums in the registers of a thread; see conv2d.wgsl
 *   gemm64, gemm32         tiles in workgroup memory; see conv2dGemm.wgsl
 *   winograd2, winograd4   fewer products, for 3x3 and 5x5 filters; see winograd.ts
 */
export type ConvVariant = 'direct' | GemmVariant | WinogradVariant;

function isWinograd(variant: ConvVariant): variant is WinogradVariant {
  return variant === 'winograd2' || variant === 'winograd4';
}

/** A convolution as the choice of a kernel sees it. */
export interface ConvProblem {
  geometry: ConvGeometry;
  dtype: DType;
  /** What is computed. */
  pass: 'forward' | 'input' | 'weight';
  activation?: Activation;
}

export interface Convolution {
  /** (N, C, H, W) */
  x: Incoming;
  /** (K, C / groups, kH, kW) */
  weight: GpuArray;
  bias?: GpuArray;
  activation?: Activation;
  geometry: ConvGeometry;
}

/** @returns y, (N, K, outH, outW). */
export function convolve(convolution: Convolution): GpuArray {
  const { weight, geometry, activation } = convolution;
  const { dtype, device } = weight;
  const problem: ConvProblem = { geometry, dtype, pass: 'forward', activation };
  return convolveBy(choose(CONVOLVE, problem, device) as ConvVariant, convolution);
}

function convolveBy(variant: ConvVariant, convolution: Convolution): GpuArray {
  const { x, weight, bias, activation, geometry } = convolution;
  const { n, outChannels, h, w } = geometry;
  const y = GpuArray.empty([n, outChannels, h.output, w.output], weight.dtype, weight.device);
  if (variant === 'direct') correlate({ ...convolution, y, order: contiguous(geometry) });
  else if (isWinograd(variant))
    winogradForward(variant, x, weight, y, geometry, { bias, activation });
  else gemmForward(variant, x, weight, y, geometry, { bias, activation });
  return y;
}

/** @returns dx, plus `bias`, (C), where there is one: a transposed convolution. */
export function inputGradient(
  dy: Incoming,
  weight: GpuArray,
  geometry: ConvGeometry,
  bias?: GpuArray,
): GpuArray {
  return inputGradientBy(inputVariant(dy, geometry), dy, weight, geometry, bias);
}

function inputGradientBy(
  variant: ConvVariant,
  dy: Incoming,
  weight: GpuArray,
  geometry: ConvGeometry,
  bias?: GpuArray,
): GpuArray {
  const dx = emptyInput(weight, geometry);
  if (variant === 'direct') inputCorrelations(dy, weight, dx, geometry, bias).forEach(correlate);
  else if (isWinograd(variant)) winogradInputGradient(variant, dy, weight, dx, geometry, bias);
  else gemmInputGradient(variant, dy, weight, dx, geometry, bias);
  return dx;
}

/** All gradients of a convolution: dx, and what `gradient` says. @returns dx. */
export function convolutionGradients(gradient: WeightGradient, weight: GpuArray): GpuArray {
  const { dy, geometry } = gradient;
  const [forInput, forWeight] = [inputVariant(dy, geometry), weightVariant(gradient)];
  if (forInput === 'direct' && forWeight === 'direct') {
    const dx = emptyInput(weight, geometry);
    directGradients(gradient, inputCorrelations(dy, weight, dx, geometry));
    return dx;
  }
  weightGradientsBy(forWeight, gradient);
  return inputGradientBy(forInput, dy, weight, geometry);
}

/** dW and dB, or one of them. */
export function weightGradients(gradient: WeightGradient): void {
  weightGradientsBy(weightVariant(gradient), gradient);
}

function weightGradientsBy(variant: ConvVariant, gradient: WeightGradient): void {
  const { x } = gradient;
  // Without x there is the bias alone, of which the tiles would know nothing more.
  if (variant === 'direct' || (isWinograd(variant) && !x)) weightGradient(gradient);
  else if (isWinograd(variant)) winogradWeightGradient(variant, x!, gradient);
  else gemmWeightGradient(variant, gradient);
}

function inputVariant({ array, activation }: Incoming, geometry: ConvGeometry): ConvVariant {
  const problem: ConvProblem = { geometry, dtype: array.dtype, pass: 'input', activation };
  return choose(CONVOLVE, problem, array.device) as ConvVariant;
}

function weightVariant({ dy, geometry }: WeightGradient): ConvVariant {
  const { dtype, device } = dy.array;
  const problem: ConvProblem = { geometry, dtype, pass: 'weight', activation: dy.activation };
  return choose(CONVOLUTION_WEIGHT_GRADIENT, problem, device) as ConvVariant;
}

function emptyInput(weight: GpuArray, { n, inChannels, h, w }: ConvGeometry): GpuArray {
  return GpuArray.empty([n, inChannels, h.input, w.input], weight.dtype, weight.device);
}

/** Convolutions, and their input gradients. */
export const CONVOLVE: KernelFamily<ConvProblem> = {
  name: 'convolve',
  key: keyOf,
  candidates: candidatesFor,
  preferred: (problem, device) =>
    fromTable(TABLE.convolve, sizeOf(problem), device, candidatesFor(problem, device)),
  trial: trialOf,
};

/** Gradients of the weight and the bias. */
export const CONVOLUTION_WEIGHT_GRADIENT: KernelFamily<ConvProblem> = {
  name: 'convolutionWeightGradient',
  key: keyOf,
  candidates: candidatesFor,
  preferred: (problem, device) => {
    const able = candidatesFor(problem, device);
    return fromTable(TABLE.convolutionWeightGradient, sizeOf(problem), device, able);
  },
  trial: trialOf,
};

const WINOGRADS = ['winograd2', 'winograd4'] as const;

function candidatesFor({ geometry, dtype }: ConvProblem, device: Device): ConvVariant[] {
  return [
    'direct',
    ...(canGemm(geometry, dtype, device) ? (['gemm64', 'gemm32'] as const) : []),
    ...WINOGRADS.filter((variant) => canWinograd(variant, geometry, dtype, device)),
  ];
}

function keyOf({ geometry, dtype, pass, activation }: ConvProblem): string {
  const { n, inChannels, outChannels, groups, h, w } = geometry;
  const words = [
    ...[pass, `n${n} c${inChannels} k${outChannels} g${groups}`],
    ...[`${h.input}x${w.input}`, `kernel ${h.kernel}x${w.kernel}`],
    ...[`stride ${h.stride}x${w.stride}`, `dilation ${h.dilation}x${w.dilation}`],
    ...[`padding ${h.padding}x${w.padding}`, `to ${h.output}x${w.output}`, dtype],
    ...(activation ? [activation] : []),
  ];
  return words.join(' ');
}

function sizeOf({ geometry, pass }: ConvProblem): ConvSize {
  const { n, inChannels, outChannels, groups, h, w } = geometry;
  return {
    ...{ pass, n, inChannels, outChannels, groups },
    taps: h.kernel * w.kernel,
    pixels: h.output * w.output,
    stride: h.stride * w.stride,
  };
}

function trialOf({ geometry, dtype, pass, activation }: ConvProblem, device: Device): Trial {
  const { n, inChannels, outChannels, groups, h, w } = geometry;
  const random = trialInputs(dtype, device);
  const weightShape = [outChannels, inChannels / groups, h.kernel, w.kernel];
  const [x, weight] = [random([n, inChannels, h.input, w.input]), random(weightShape)];
  const [y, bias] = [random([n, outChannels, h.output, w.output]), random([outChannels])];
  const dy = { array: y, activation, activated: activation && y };
  return {
    run(name) {
      const variant = name as ConvVariant;
      if (pass === 'forward') {
        return [convolveBy(variant, { x: { array: x }, weight, bias, activation, geometry })];
      }
      if (pass === 'input') return [inputGradientBy(variant, dy, weight, geometry)];
      const [dWeight, dBias] = [weightShape, [outChannels]].map((shape) =>
        GpuArray.empty(shape, dtype, device),
      ) as [GpuArray, GpuArray];
      weightGradientsBy(variant, { x, dy, geometry, weight: dWeight, bias: dBias });
      return [dWeight, dBias];
    },
    release() {
      for (const array of [x, weight, y, bias]) array.release();
    },
  };
}
