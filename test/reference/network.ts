/**
 * Networks layer by layer, written down without the library's own: what a summary has to say of each
 * layer, and what the layer gives for inference, in float64.
 */
import type { Reference } from '../support/checkOp.js';
import { sigmoid } from './activations.js';
import { conv2d } from './conv2d.js';
import { linear as product } from './linear.js';
import { batchNorm as normalized, type Moments } from './normalization.js';
import { avgPool2d, maxPool2d } from './pool2d.js';

/** What a network has learnt, in the order in which its layers take it. */
export interface Learnt {
  parameters: Reference[];
  /** The running statistics of each batch norm, by channel. */
  running: Moments[][];
}

export interface Layer {
  /** Class of the layer. */
  type: string;
  /** As `extraRepr` says it. */
  settings: string;
  /** Of what it returns, without the batch. Default that of what it is given. */
  shape?: readonly number[];
  /** Takes what it has learnt from the front of the lists. */
  forward(x: Reference, learnt: Learnt): Reference;
}

const elementwise = (type: string, f: (x: number) => number, settings = ''): Layer => ({
  type,
  settings,
  forward: ({ shape, data }) => ({ shape, data: data.map(f) }),
});

export const relu = elementwise('ReLU', (x) => Math.max(x, 0));
export const tanh = elementwise('Tanh', Math.tanh);
export const sigmoidal = elementwise('Sigmoid', sigmoid);
export const identity = elementwise('Identity', (x) => x);
/** For inference. */
export const dropout = (p: number): Layer => elementwise('Dropout', (x) => x, `p ${p}`);

export function flatten(size: number): Layer {
  const forward: Layer['forward'] = ({ shape, data }) => ({ shape: [shape[0]!, size], data });
  return { type: 'Flatten', settings: '', shape: [size], forward };
}

export function linear(inSize: number, outSize: number): Layer {
  return {
    type: 'Linear',
    settings: `${inSize} to ${outSize}`,
    shape: [outSize],
    forward: (x, { parameters }) => product(x, ...takeTwo(parameters)),
  };
}

/** @param shape  Of what it returns, (filters, height, width). */
export function conv(
  shape: readonly [number, number, number],
  size: number,
  options: { stride?: number; padding?: number | 'same'; groups?: number } = {},
): Layer {
  const { stride = 1, padding = 0, groups } = options;
  const pad = padding === 'same' ? (size - 1) / 2 : padding;
  return {
    type: 'Conv2d',
    settings: [`${shape[0]} filters ${size}x${size}`, ...spelled(options)].join(', '),
    shape,
    forward: (x, { parameters }) => {
      const both = { stride: [stride, stride], padding: [pad, pad] } as const;
      return conv2d(x, ...takeTwo(parameters), { ...both, groups });
    },
  };
}

/** @param shape  Of what it returns, (channels, height, width). */
export function pool(
  type: 'MaxPool2d' | 'AvgPool2d',
  shape: readonly [number, number, number],
  size: number,
  { stride, ...options }: { stride: number; padding?: 'same' },
): Layer {
  const settings = [`${size}x${size}`, ...spelled({ stride, ...options })].join(', ');
  const take = type === 'MaxPool2d' ? maxPool2d : avgPool2d;
  return {
    ...{ type, settings, shape },
    forward: (x) => take(x, { kernelSize: size, stride, ...options }),
  };
}

/** By its running statistics. */
export function batchNorm(channels: number, eps: number): Layer {
  return {
    type: 'BatchNorm2d',
    settings: `${channels} channels`,
    forward: (x, { parameters, running }) =>
      normalized(x, ...takeTwo(parameters), { eps, running: running.shift()! }),
  };
}

/** A layer without a reference, which keeps the shape. */
export function other(type: string, settings: string): Layer {
  const forward = (): never => {
    throw new Error(`${type} has no reference here`);
  };
  return { type, settings, forward };
}

/** What the summary of a network has to say of its layers. @param input  Shape, batch included. */
export function rowsOf(
  layers: readonly Layer[],
  [batch, ...input]: readonly number[],
): { type: string; settings: string; outputShape: number[] }[] {
  let last: readonly number[] = input;
  return layers.map(({ type, settings, shape = last }) => {
    last = shape;
    return { type, settings, outputShape: [batch!, ...shape] };
  });
}

/** What the layers give one after the other. */
export function forward(layers: readonly Layer[], x: Reference, learnt: Learnt): Reference {
  const left = { parameters: [...learnt.parameters], running: [...learnt.running] };
  const y = layers.reduce((value, layer) => layer.forward(value, left), x);
  if (left.parameters.length > 0) throw new Error('parameters that no layer took');
  return y;
}

/** Weight and bias. */
function takeTwo(parameters: Reference[]): [Reference, Reference] {
  return parameters.splice(0, 2) as [Reference, Reference];
}

const spelled = (options: object): string[] =>
  Object.entries(options).map(([name, value]) => `${name} ${String(value)}`);
