import { ArgumentError, AutogradError, DTypeError, formatShape, ShapeError } from '../../errors.js';
import { isFloat, numelOf, sameShape, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { checkFloat, checkSameFloat } from './checks.js';

/** The scores of classes as shaders/classes.wgsl sees them: (N, C, inner), N times inner rows. */
export interface ClassGeometry {
  rows: number;
  c: number;
  inner: number;
  /** Without the dimension of the classes: that of class indices, and of losses by row. */
  rowShape: Shape;
}

/** What a loss over classes is given; `weight` (C,) may be missing. */
export interface ClassInputs {
  /** The name of the scores in messages. */
  named: string;
  scores: GpuArray;
  target: GpuArray;
  weight: GpuArray | undefined;
}

/**
 * Checks the inputs of a loss over classes.
 *
 * @param shares  Whether the target may be (N, C, ...) of floats: how much there is of each class.
 * @throws ShapeError, DTypeError, and AutogradError for a weight that requires grad.
 */
export function classGeometry(
  op: string,
  { named, scores, target, weight }: ClassInputs,
  { shares, weightNeeded }: { shares: boolean; weightNeeded: boolean },
): ClassGeometry {
  const { shape } = scores;
  checkFloat(op, named, scores);
  const at = shape.length === 1 ? 0 : 1;
  const c = shape[at] ?? 0;
  if (c === 0)
    throw new ShapeError(op, `${named} (C), (N, C) or (N, C, ...) of at least one class`, shape);
  const inner = numelOf(shape.slice(at + 1));
  const rowShape = shape.filter((_, d) => d !== at);
  checkTarget(op, { named, scores, target, weight }, rowShape, shares);
  if (weight) {
    checkSameFloat(op, 'weight', weight, scores);
    if (!sameShape(weight.shape, [c]))
      throw new ShapeError(op, `weight ${formatShape([c])}`, weight.shape);
    if (weightNeeded) refuseGradient(op, 'weight');
  }
  return { rows: numelOf(rowShape), c, inner, rowShape };
}

function checkTarget(
  op: string,
  { named, scores, target }: ClassInputs,
  rowShape: Shape,
  shares: boolean,
): void {
  const isShares = isFloat(target.dtype);
  if (isShares && (!shares || (sameShape(target.shape, rowShape) && rowShape.length > 0))) {
    throw new DTypeError(
      op,
      'target of class indices of i32 or u32',
      target.dtype,
      "Convert it with to('i32').",
    );
  }
  const expected = isShares ? scores.shape : rowShape;
  if (!sameShape(target.shape, expected)) {
    throw new ShapeError(
      op,
      `target ${formatShape(expected)} of ${isShares ? 'probabilities' : 'class indices'} ` +
        `for ${named} ${formatShape(scores.shape)}`,
      target.shape,
    );
  }
  if (isShares) checkSameFloat(op, 'target', target, scores);
}

/** @throws ArgumentError for an index that is no whole number. */
export function checkIgnoreIndex(op: string, ignoreIndex: number): void {
  if (!Number.isInteger(ignoreIndex))
    throw new ArgumentError(op, 'ignoreIndex a whole number', ignoreIndex);
}

/** Weights of losses have no gradient, and none that is silently missing. */
export function refuseGradient(op: string, name: string): never {
  throw new AutogradError(
    `${op}: expected ${name} that does not require grad, got one that does. Pass ${name}.detach().`,
  );
}
