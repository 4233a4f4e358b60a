import normals from '../../../shaders/normals.wgsl';
import philox from '../../../shaders/philox.wgsl';
import source from '../../../shaders/random.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { Device } from '../../gpu/device.js';
import type { DType, Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { replayed } from '../../gpu/recording.js';
import { defineShader } from '../../gpu/shader.js';
import { defaultGenerator, Generator } from '../../random/generator.js';
import { elementBits } from './element.js';

const shader = defineShader({
  name: 'random',
  source,
  params: {
    count: 'u32',
    seed0: 'u32',
    seed1: 'u32',
    offset: 'u32',
    first: 'u32',
    second: 'u32',
    start: 'u32',
  },
  includes: { normals, philox, threads },
});

const BLOCK = 4; // elements of one thread: the words that Philox gives at once

function draw(
  entry: 'uniformFill' | 'normalFill' | 'integerFill',
  array: GpuArray,
  first: number,
  second: number,
  generator: Generator,
): GpuArray {
  const count = array.numel;
  const now = replayed(array.device, () => generator.next());
  launch(shader, entry, {
    inputs: [],
    outputs: [array],
    params: {
      ...{ count, first, second, start: 0 },
      seed0: () => now().seed0,
      seed1: () => now().seed1,
      offset: () => now().offset,
    },
    elements: count,
    perThread: BLOCK,
  });
  return array;
}

/** Fills an array of f32 or f16 with numbers uniform in [low, high). @returns the array. */
export function fillUniform(
  array: GpuArray,
  low: number,
  high: number,
  generator: Generator = defaultGenerator,
): GpuArray {
  return draw('uniformFill', array, elementBits(low, 'f32'), elementBits(high, 'f32'), generator);
}

/** Fills an array of f32 or f16 with normal numbers, by the Box-Muller transform. @returns the array. */
export function fillNormal(
  array: GpuArray,
  mean: number,
  std: number,
  generator: Generator = defaultGenerator,
): GpuArray {
  return draw('normalFill', array, elementBits(mean, 'f32'), elementBits(std, 'f32'), generator);
}

/**
 * Fills an array of i32 or u32 with integers from low to high - 1, at most 2^32 - 1 of them; each
 * is as likely as the next to within 2^-32. @returns the array.
 */
export function fillIntegers(
  array: GpuArray,
  low: number,
  high: number,
  generator: Generator = defaultGenerator,
): GpuArray {
  return draw('integerFill', array, elementBits(low, 'i32'), high - low, generator);
}

/** Makes arrays from -1 to 1, the same ones each time: inputs on which kernels are tried. */
export function trialInputs(dtype: DType, device: Device): (shape: Shape) => GpuArray {
  const generator = new Generator(1);
  return (shape) => fillUniform(GpuArray.empty(shape, dtype, device), -1, 1, generator);
}
