/** Who is measured, where each works, and what it can do. */
import type { Cell } from './cells.js';

export interface Peer {
  id: string;
  runner: 'shadegrad' | 'tfjs' | 'jax' | 'onnx';
  /** Its npm package, for the version; none for shadegrad. */
  package?: string;
  backend?: 'webgpu' | 'wasm' | 'cpu';
  captured?: boolean;
  /** WebGPU, or the CPU without it, which stands in the table for scale alone. */
  device: 'GPU' | 'CPU';
  /** Whether it runs in a page too. */
  inPage: boolean;
  /** Why it cannot run a cell, or undefined where it can. */
  lacks: (cell: Cell) => string | undefined;
}

const trains = ({ kind }: Cell): boolean => ['train', 'start', 'memory'].includes(kind);

/**
 * Why a CPU backend that says little is left out: convolutions and larger networks take it seconds,
 * and there are faster ones without WebGPU.
 */
const forLeNet = (cell: Cell): string | undefined => {
  const isLarge = 'network' in cell && cell.network.name.startsWith('alexnet');
  return isLarge || cell.kind === 'conv' || cell.kind === 'memory' ? 'not measured' : undefined;
};

/** Ours comes first: what the reference does not have is compared with it. */
export const PEERS: readonly Peer[] = [
  {
    id: 'shadegrad',
    runner: 'shadegrad',
    captured: true,
    device: 'GPU',
    inPage: true,
    lacks: () => undefined,
  },
  {
    id: 'shadegrad-plain',
    runner: 'shadegrad',
    device: 'GPU',
    inPage: true,
    lacks: ({ kind }) => (kind === 'train' ? undefined : 'as shadegrad'),
  },
  {
    id: 'tfjs-webgpu',
    runner: 'tfjs',
    package: '@tensorflow/tfjs',
    backend: 'webgpu',
    device: 'GPU',
    inPage: true,
    lacks: () => undefined,
  },
  {
    id: 'jax-webgpu',
    runner: 'jax',
    package: '@jax-js/jax',
    backend: 'webgpu',
    device: 'GPU',
    inPage: true,
    lacks: () => undefined,
  },
  {
    id: 'tfjs-wasm',
    runner: 'tfjs',
    package: '@tensorflow/tfjs',
    backend: 'wasm',
    device: 'CPU',
    inPage: true,
    // It has no kernel Conv2DBackpropFilter.
    lacks: (cell) =>
      trains(cell) || (cell.kind === 'conv' && cell.pass === 'weight gradient')
        ? 'no weight gradient'
        : undefined,
  },
  {
    id: 'tfjs-cpu',
    runner: 'tfjs',
    package: '@tensorflow/tfjs',
    backend: 'cpu',
    device: 'CPU',
    inPage: true,
    lacks: forLeNet,
  },
  {
    id: 'jax-wasm',
    runner: 'jax',
    package: '@jax-js/jax',
    backend: 'wasm',
    device: 'CPU',
    inPage: true,
    lacks: forLeNet,
  },
  {
    id: 'onnxruntime',
    runner: 'onnx',
    package: 'onnxruntime-node',
    device: 'CPU',
    inPage: false,
    lacks: (cell) =>
      trains(cell) || (cell.kind === 'conv' && cell.pass !== 'forward') ? 'no training' : undefined,
  },
];
