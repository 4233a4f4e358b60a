import type { GpuArray } from '../../gpu/gpuArray.js';

/** What a kernel may apply to each result. */
export type Activation = 'relu' | 'sigmoid' | 'tanh';

/** All of them, and none. */
export const ACTIVATIONS: readonly (Activation | undefined)[] = [
  undefined,
  'relu',
  'sigmoid',
  'tanh',
];

const FLAGS = { relu: 'RELU', sigmoid: 'SIGMOID', tanh: 'TANH' } as const;
/** Of epilogue.wgsl. */
export const ACTIVATION_FLAGS = ['RELU', 'SIGMOID', 'TANH'] as const;
/** Of kernels that read what is incoming. */
export const INCOMING_FLAGS = ['ACTIVATED', ...ACTIVATION_FLAGS] as const;

/** What a kernel reads: an array, or dL/dy and the activation that y went through. */
export interface Incoming {
  array: GpuArray;
  /** The activation that made `activated`, through which the gradient `array` has yet to go. */
  activation?: Activation;
  activated?: GpuArray;
}

export function activationFlags(name: Activation | undefined): { [flag in string]?: boolean } {
  return name ? { [FLAGS[name]]: true } : {};
}

export function incomingFlags({ activation, activated }: Incoming): { [flag in string]?: boolean } {
  return activated ? { ...activationFlags(activation), ACTIVATED: true } : {};
}
