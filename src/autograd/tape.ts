import { AutogradError, DTypeError, formatShape, ShapeError } from '../errors.js';
import { sameShape } from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { accumulate, addInPlace } from './kernels/accumulate.js';
import { fill } from './kernels/fill.js';
import { graphOf, type Op } from './op.js';
import { isGradEnabled } from './scope.js';
import { Step } from './step.js';
import type { Variable } from './variable.js';

export interface BackwardOptions {
  /** dL/dy, of the shape of y. Default 1, and then y must have one element. */
  gradient?: GpuArray;
  /** Keeps the graph, so that backward can run through it again. Default false. */
  retainGraph?: boolean;
}

/**
 * Runs `op` on `inputs` and records it if a gradient can flow through it.
 *
 * @param wrap  Makes the handle of the result.
 */
export function record<V extends Variable>(
  op: Op,
  inputs: readonly V[],
  wrap: (array: GpuArray) => V,
): V {
  const recording = op.differentiable && isGradEnabled() && inputs.some((x) => x.requiresGrad);
  const arrays = inputs.map((x) => x.array);
  op.needs = inputs.map((x) => recording && x.requiresGrad);
  let result: GpuArray;
  try {
    result = op.forward(...arrays);
  } catch (error) {
    op.release();
    throw error;
  }
  const output = wrap(result);
  const step = Step.of(inputs);
  if (!recording) {
    op.release();
    if (step) step.add(output);
    else inputs.find((x) => x.batch)?.batch?.derive(output);
    return output;
  }

  output.requiresGrad = true;
  output.op = op;
  op.output = output;
  op.inputs = inputs;
  if (inputs.some((x) => x.op?.consumed)) {
    // Computed from a finished step, such as softmax of the logits: it can have no backward.
    op.consumed = true;
    op.release();
    step!.add(output);
    return output;
  }
  op.seal();
  // What is carried over from the step before, such as a detached hidden state, lives with this one.
  const ongoing = step && !step.isFinished ? step : new Step();
  for (const x of inputs) if (x.step?.isFinished && !x.op) ongoing.add(x);
  Step.freeEnded(ongoing);
  ongoing.record(op);
  for (const x of inputs) x.batch?.enter(ongoing);
  return output;
}

/**
 * Computes the gradient of `root` with respect to every leaf that wants one, and adds it there.
 * Each op's saved arrays and output are freed as soon as it has been consumed.
 */
export function backward(root: Variable, options: BackwardOptions = {}): void {
  if (!root.requiresGrad) {
    throw new AutogradError(
      'backward: expected a tensor that requires grad, got one that does not. ' +
        'Create a leaf with { requiresGrad: true }, and do not compute it within noGrad().',
    );
  }
  const seed = seedOf(root, options.gradient);
  if (!root.op) {
    addGradient(root, seed);
    return;
  }

  const order = [...graphOf([root.op])].sort((a, b) => b.sequence - a.sequence);
  const steps = new Set(order.map((op) => op.trainingStep!));
  const kept = new Set<Variable>([root, ...root.op.inputs]);
  const gradients = new Map<Op, GpuArray>([[root.op, seed]]);
  try {
    for (const op of order) op.checkSaved();
    for (const op of order) {
      const dy = gradients.get(op);
      gradients.delete(op);
      if (dy) {
        const list = gradientsOf(op, dy);
        op.inputs.forEach((input, i) => pass(op, input, list[i] ?? null, gradients));
      }
      if (!options.retainGraph) consume(op, kept);
    }
    if (!options.retainGraph) for (const step of steps) step.end();
  } finally {
    for (const left of gradients.values()) left.release();
  }
}

/** What `backward` of the op gives for each input. Takes over `dy`. */
function gradientsOf(op: Op, dy: GpuArray): readonly (GpuArray | null)[] {
  try {
    const given = op.backward(dy);
    return Array.isArray(given)
      ? (given as readonly (GpuArray | null)[])
      : [given as GpuArray | null];
  } finally {
    dy.release();
  }
}

/** Frees what an op saved, and its output but for the loss and the loss op's inputs. */
function consume(op: Op, kept: ReadonlySet<Variable>): void {
  const output = op.consume();
  if (kept.has(output)) op.trainingStep!.add(output);
  else if (!output.retained) output.free('backward() consumed it');
}

/** Hands the gradient of one input on: to the op that made it, or to the leaf. */
function pass(op: Op, input: Variable, dx: GpuArray | null, gradients: Map<Op, GpuArray>): void {
  if (!dx) return;
  if (!input.requiresGrad) {
    dx.release();
    return;
  }
  if (!sameShape(dx.shape, input.shape)) {
    dx.release();
    throw new ShapeError(`${op.name}.backward`, `a gradient ${formatShape(input.shape)}`, dx.shape);
  }
  if (!input.op) {
    addGradient(input, dx);
    return;
  }
  const sum = gradients.get(input.op);
  gradients.set(input.op, sum ? accumulate(sum, dx) : dx);
}

function addGradient(leaf: Variable, dx: GpuArray): void {
  if (leaf.isFreed) {
    dx.release(); // nobody could free a gradient that comes after its leaf
    return;
  }
  const sum = leaf.gradArray;
  if (sum)
    addInPlace(sum, dx); // as in PyTorch, whoever holds `t.grad` sees the sum
  else leaf.gradArray = dx.storage.shared ? ownCopy(dx) : dx;
}

/** A gradient that another tensor holds too: the leaf gets memory of its own, to be changed in place. */
function ownCopy(dx: GpuArray): GpuArray {
  const copy = dx.copy();
  dx.release();
  return copy;
}

function seedOf(root: Variable, gradient: GpuArray | undefined): GpuArray {
  if (gradient) {
    if (!sameShape(gradient.shape, root.shape)) {
      throw new ShapeError('backward', `gradient ${formatShape(root.shape)}`, gradient.shape);
    }
    if (gradient.dtype !== root.dtype)
      throw new DTypeError('backward', `gradient of ${root.dtype}`, gradient.dtype);
    return gradient.share();
  }
  const array = root.array;
  if (array.numel !== 1) {
    throw new AutogradError(
      `backward: expected a tensor of one element, got ${formatShape(root.shape)}. ` +
        'Reduce it with sum() or mean(), or pass { gradient }.',
    );
  }
  return fill(GpuArray.empty(root.shape, root.dtype, array.device), 1);
}
