import source from '../../../shaders/lossTotal.wgsl';
import rowsSource from '../../../shaders/rows.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError } from '../../errors.js';
import type { DType } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { fitBindings, inParts, joined } from './parts.js';
import { rowLaunch } from './rows.js';

const shader = defineShader({
  name: 'lossTotal',
  source,
  params: {
    n: 'u32',
    parts: 'u32',
    lossStride: 'u32',
    countStride: 'u32',
    countOffset: 'u32',
    divisor: 'f32',
  },
  flags: ['COUNTED', 'WIDE'],
  includes: { rows: rowsSource, threads },
});

const REDUCTIONS = ['mean', 'sum', 'none'] as const;

export type Reduction = (typeof REDUCTIONS)[number];

/** @throws ArgumentError that names the op, for words that are none. */
export function checkReduction(op: string, reduction: Reduction): void {
  if (!REDUCTIONS.includes(reduction))
    throw new ArgumentError(op, `reduction 'mean', 'sum' or 'none'`, reduction);
}

/** Numbers of f32 in an array: the first at `offset` (default 0), the next `stride` (1) further on. */
export interface Strided {
  array: GpuArray;
  stride?: number;
  offset?: number;
}

/** Losses that one workgroup adds up; more of them are first added in as many parts. */
export const MOST_PARTS = 16384;

const PIECE = 512; // bytes of a binding for each part of a piece: those of 64 pieces fit

/**
 * The sum of `losses` (n) of f32 over the sum of what they count, or over a number, in an order that
 * depends on n and the kind of adapter alone.
 *
 * @param by  The divisor, or the losses' counts.
 * @returns   The loss, a scalar of `dtype`, and what it was divided by, of f32.
 */
export function lossTotal(
  losses: GpuArray,
  by: number | Strided,
  dtype: DType,
): { loss: GpuArray; divisor: GpuArray } {
  const { device, numel: n } = losses;
  const counted = typeof by === 'object';
  const counts = counted ? by : { array: losses };
  const common = {
    countStride: counts.stride ?? 1,
    countOffset: counts.offset ?? 0,
    divisor: counted ? 1 : by,
  };
  const large = !fitBindings([losses, counts.array]);
  if (n > MOST_PARTS || large) {
    const pieces: GpuArray[] = []; // one, but of arrays larger than a binding
    inParts({ outer: n }, [losses, counts.array], [], ({ outer, inputs }) => {
      const parts = Math.min(
        MOST_PARTS,
        large ? Math.ceil(device.bindingLimit / PIECE) : MOST_PARTS,
      );
      const piece = GpuArray.empty([parts, 2], 'f32', device);
      launch(shader, 'part', {
        inputs,
        outputs: [piece],
        params: { n: outer, parts, lossStride: 1, ...common },
        flags: { COUNTED: counted },
        threads: parts,
      });
      pieces.push(piece);
    });
    const parts = joined(pieces);
    const result = total(parts, parts, counted, dtype, {
      ...{ n: parts.numel / 2, parts: 1, lossStride: 2, countStride: 2, countOffset: 1 },
      divisor: common.divisor,
    });
    parts.release();
    return result;
  }
  return total(losses, counts.array, counted, dtype, { n, parts: 1, lossStride: 1, ...common });
}

function total(
  losses: GpuArray,
  counts: GpuArray,
  counted: boolean,
  dtype: DType,
  params: Record<keyof typeof shader.params, number>,
): { loss: GpuArray; divisor: GpuArray } {
  const loss = GpuArray.empty([], dtype, losses.device);
  const divisor = GpuArray.empty([], 'f32', losses.device);
  const { wide, ...size } = rowLaunch(losses.device, 1, params.n, true);
  launch(shader, 'total', {
    inputs: [losses, counts],
    outputs: [loss, divisor],
    params,
    flags: { COUNTED: counted, WIDE: wide },
    ...size,
  });
  return { loss, divisor };
}
