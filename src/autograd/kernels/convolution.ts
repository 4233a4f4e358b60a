/** Convolutions and their gradients. Shapes are not checked. */
import { GpuArray } from '../../gpu/gpuArray.js';
import type { Activation, Incoming } from './activation.js';
import { contiguous } from './convolutionLayout.js';
import { correlate } from './correlate.js';
import { bothGradients, inputCorrelations, weightGradient } from './directGradients.js';
import type { ConvGeometry } from './geometry.js';

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
export function convolve({ x, weight, bias, activation, geometry }: Convolution): GpuArray {
  const { n, outChannels, h, w } = geometry;
  const y = GpuArray.empty([n, outChannels, h.output, w.output], weight.dtype, weight.device);
  correlate({ x, weight, bias, activation, y, geometry, order: contiguous(geometry) });
  return y;
}

/** @returns dx, plus `bias`, (C), where there is one: a transposed convolution. */
export function inputGradient(
  dy: Incoming,
  weight: GpuArray,
  geometry: ConvGeometry,
  bias?: GpuArray,
): GpuArray {
  const dx = emptyInput(weight, geometry);
  inputCorrelations(dy, weight, dx, geometry, bias).forEach(correlate);
  return dx;
}

export interface WeightGradients {
  /** Not needed for the bias alone. */
  x?: GpuArray;
  dy: Incoming;
  geometry: ConvGeometry;
  /** Where they are written to: one or both. */
  weight?: GpuArray;
  bias?: GpuArray;
}

export function weightGradients(job: WeightGradients): void {
  weightGradient(job);
}

/** inputGradient and weightGradients, which share the reading of dy. @returns dx. */
export function allGradients(weight: GpuArray, job: WeightGradients): GpuArray {
  const dx = emptyInput(weight, job.geometry);
  bothGradients(inputCorrelations(job.dy, weight, dx, job.geometry), job);
  return dx;
}

function emptyInput(weight: GpuArray, { n, inChannels, h, w }: ConvGeometry): GpuArray {
  return GpuArray.empty([n, inChannels, h.input, w.input], weight.dtype, weight.device);
}
