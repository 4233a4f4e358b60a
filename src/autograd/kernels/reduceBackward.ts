import element from '../../../shaders/element.wgsl';
import source from '../../../shaders/reduceBackward.wgsl';
import strides from '../../../shaders/strides.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { ELEMENT_FLAGS, elementThreads } from './element.js';
import { fitBindings, inParts } from './parts.js';
import { expandTo } from './stridedCopy.js';
import { broadcast, contiguous, planPieces, STRIDE_PARAMS } from './strides.js';

const shader = defineShader({
  name: 'reduceBackward',
  source,
  params: { count: 'u32', scale: 'f32', ...STRIDE_PARAMS },
  flags: [...ELEMENT_FLAGS, 'MARK', 'ABS', 'SCALE', 'SIGN', 'RATIO', 'PROD'],
  includes: { element, strides, threads },
});

type Flags = Partial<Record<'MARK' | 'ABS' | 'SCALE' | 'SIGN' | 'RATIO' | 'PROD', boolean>>;

/** Launches on every element of x, which `row` (of the shape of y, with 1 for what is gone) follows. */
function forEachElement(
  entry: 'mark' | 'backward',
  inputs: readonly GpuArray[],
  [x, row]: readonly [GpuArray, GpuArray],
  flags: Flags,
  scale = 1,
): GpuArray {
  const result = GpuArray.empty(x.shape, x.dtype, x.device);
  if (!fitBindings([...inputs, result])) {
    const expanded = inputs.map((array) => expandTo(array, x.shape));
    inParts({ outer: x.numel }, expanded, [result], ({ outer: count, ...arrays }) => {
      const [{ params, constants }] = planPieces([count], contiguous([count]), contiguous([count]));
      const threads = elementThreads(count);
      launch(shader, entry, {
        ...arrays,
        params: { count, scale, ...params },
        constants,
        flags,
        threads,
      });
    });
    for (const array of expanded) array.release();
    return result;
  }
  const layouts = [contiguous(x.shape), broadcast(row.shape, x.shape)] as const;
  for (const { count, params, constants } of planPieces(x.shape, ...layouts)) {
    launch(shader, entry, {
      inputs,
      outputs: [result],
      params: { count, scale, ...params },
      constants,
      flags,
      threads: elementThreads(count),
    });
  }
  return result;
}

/**
 * Where the elements of `x` are the extreme `y` of their row, or with `abs` where their size is: 1
 * (with `abs` the sign), elsewhere 0. NaN is the extreme of a row that has one.
 */
export function markExtremes(x: GpuArray, y: GpuArray, abs: boolean): GpuArray {
  return forEachElement('mark', [x, y], [x, y], { MARK: true, ABS: abs });
}

/** dy scale x */
export function scaleRows(dy: GpuArray, x: GpuArray, scale: number): GpuArray {
  return forEachElement('backward', [dy, x], [x, dy], { SCALE: true }, scale);
}

/** dy sign(x) */
export function signRows(dy: GpuArray, x: GpuArray): GpuArray {
  return forEachElement('backward', [dy, x], [x, dy], { SIGN: true });
}

/** dy scale x / y, and 0 where y is; y is of f32. */
export function ratioRows(dy: GpuArray, x: GpuArray, y: GpuArray, scale = 1): GpuArray {
  return forEachElement('backward', [dy, x, y], [x, dy], { RATIO: true }, scale);
}

/**
 * dy times the product of the other elements of the row.
 *
 * @param product  Of the elements of a row that are not 0, in f32.
 * @param zeros    How many of them are 0, in f32.
 */
export function othersRows(
  dy: GpuArray,
  x: GpuArray,
  product: GpuArray,
  zeros: GpuArray,
): GpuArray {
  return forEachElement('backward', [dy, x, product, zeros], [x, dy], { PROD: true });
}
