import source from '../../shaders/outcomes.wgsl';
import ranking from '../../shaders/ranking.wgsl';
import threads from '../../shaders/threads.wgsl';
import { inParts } from '../autograd/kernels/parts.js';
import { formatShape, ShapeError } from '../errors.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import type { Tensor } from '../tensor/tensor.js';

const shader = defineShader({
  name: 'outcomes',
  source,
  params: { rows: 'u32', classes: 'u32', k: 'u32' },
  flags: ['SHARES', 'HALF_LOGITS', 'HALF_TARGET'],
  includes: { ranking, threads },
});

/**
 * Adds the predictions of a batch to `counts`, (C, C) of u32: how often each class (row) was taken
 * for each (column). Targets that are no class are left out. One dispatch.
 */
export function countConfusions(counts: GpuArray, logits: Tensor, target: Tensor): void {
  count('confuse', counts, logits, target, 0);
}

/**
 * Adds to `counts`, two of u32, the examples of a batch, and those whose class is among the `k` of
 * the largest logits. One dispatch.
 */
export function countTopK(counts: GpuArray, logits: Tensor, target: Tensor, k: number): void {
  count('rank', counts, logits, target, k);
}

/** @throws ShapeError unless logits are (N, C) and target (N) class indices or (N, C) probabilities. */
export function checkPredictions(op: string, logits: Tensor, target: Tensor): void {
  const [rows, classes] = logits.shape;
  const fits =
    target.shape[0] === rows &&
    (target.ndim === 1 || (target.ndim === 2 && target.shape[1] === classes));
  if (logits.ndim !== 2 || classes === 0 || !fits) {
    throw new ShapeError(
      op,
      'logits (N, C) and target (N) or (N, C)',
      `${formatShape(logits.shape)} and ${formatShape(target.shape)}`,
    );
  }
}

/** What a kernel that includes ranking.wgsl is told of its arrays. */
export function predictionFlags(logits: Tensor, target: Tensor): Record<string, boolean> {
  return {
    SHARES: target.ndim === 2,
    HALF_LOGITS: logits.dtype === 'f16',
    HALF_TARGET: target.dtype === 'f16',
  };
}

function count(
  entry: 'confuse' | 'rank',
  counts: GpuArray,
  logits: Tensor,
  target: Tensor,
  k: number,
): void {
  const [rows, classes] = logits.shape as [number, number];
  inParts({ outer: rows }, [logits.array, target.array], [], ({ outer, inputs }) =>
    launch(shader, entry, {
      inputs,
      outputs: [counts],
      params: { rows: outer, classes, k },
      flags: predictionFlags(logits, target),
      threads: outer,
    }),
  );
}
