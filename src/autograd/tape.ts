import { AutogradError, DTypeError, formatShape, ShapeError } from '../errors.js';
import { currentDryRun } from '../gpu/device.js';
import { sameShape } from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { inspectBackward, inspectForward, inspectGiven } from './anomaly.js';
import { castInputs } from './autocast.js';
import { accumulate, addInPlace } from './kernels/accumulate.js';
import { checkDevice } from './kernels/checks.js';
import { fill } from './kernels/fill.js';
import { noteOp } from './observer.js';
import { graphOf, type Op } from './op.js';
import { isGradEnabled } from './scope.js';
import { Step } from './step.js';
import type { Variable } from './variable.js';

export interface BackwardOptions {
  /** dL/dy, of the shape of y. Default 1, and then y must have one element. */
  gradient?: GpuArray;
  /** Keeps the graph, so that backward can run through it again. Default false. */
  retainGraph?: boolean;
  /** Instead of to `grad` of every leaf: to those tensors alone that this has as keys. */
  into?: Map<Variable, GpuArray | null>;
}

/**
 * Runs `op` on `inputs` and records it if a gradient can flow through it. Within autocast(), inputs
 * are cast to the dtype that the op runs in.
 *
 * @param wrap  Makes the handle of the result.
 */
export function record<V extends Variable>(
  op: Op,
  inputs: readonly V[],
  wrap: (array: GpuArray) => V,
): V {
  const cast = castInputs(op.name, inputs, (caster, x) => recordOp(caster, [x], wrap));
  try {
    const output = recordOp(op, cast, wrap);
    noteOp(op, inputs, output);
    return output;
  } finally {
    // Nobody else has a handle of these: what backward frees or has no part in.
    cast.forEach((x, i) => {
      if (x !== inputs[i] && !x.op) x.free('autocast() made it for one op');
    });
  }
}

function recordOp<V extends Variable>(
  op: Op,
  inputs: readonly V[],
  wrap: (array: GpuArray) => V,
): V {
  const recording = op.differentiable && isGradEnabled() && inputs.some((x) => x.requiresGrad);
  const arrays = inputs.map((x) => x.array);
  checkDevice(op.name, arrays);
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
  inspectForward(op);
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
  const order = root.op ? [...graphOf([root.op])].sort((a, b) => b.sequence - a.sequence) : [];
  const steps = new Set(order.map((op) => op.trainingStep!));
  const kept = keptOf(root);
  const flow = new Flow(order, options.into);
  const places = options.into ? new Map<Variable, GpuArray>() : freePlaces(order);
  try {
    flow.pass(root, seed);
    for (const op of order) op.checkSaved();
    if (root.op && options.gradient) inspectGiven(root.op, seed, 'the gradient that was passed');
    for (const op of order) {
      const dy = flow.take(op);
      if (dy) {
        op.destinations = op.inputs.map((input) => places.get(input) ?? null);
        const list = gradientsOf(op, dy);
        op.destinations = [];
        inspectBackward(op, list);
        op.inputs.forEach((input, i) => flow.passFrom(op, input, list[i] ?? null));
      }
      flow.deliver(op);
      if (!options.retainGraph) consume(op, kept);
    }
    if (!options.retainGraph) for (const step of steps) step.end();
  } finally {
    flow.release();
  }
}

/** Places for the gradients of leaves that get one from one op alone, and no hook looks at. */
function freePlaces(order: readonly Op[]): Map<Variable, GpuArray> {
  const places = new Map<Variable, GpuArray>();
  const met = new Set<Variable>();
  for (const leaf of order.flatMap(({ inputs }) => inputs)) {
    const place = leaf.gradPlace;
    if (!place) continue;
    const isFree = !met.has(leaf) && !leaf.gradArray && leaf.hooks.size === 0;
    met.add(leaf);
    if (isFree && !place.storage.shared) places.set(leaf, place);
    else places.delete(leaf);
  }
  return places;
}

/** What backward keeps until the next step: the loss, and the inputs of the loss op. */
function keptOf(root: Variable): Set<Variable> {
  const kept = new Set<Variable>();
  const keep = (variable: Variable, isLoss: boolean): void => {
    kept.add(variable);
    const { op } = variable;
    if (op && (isLoss || op.passesOn)) {
      for (const input of op.inputs) keep(input, isLoss && op.passesOn);
    }
  };
  keep(root, true);
  return kept;
}

/** The gradients of one backward on their way: added up where paths meet, shown to hooks, delivered. */
class Flow {
  private readonly hidden = new Map<Op, GpuArray>();
  /** Leaves with hooks, which see the sum over all uses in the graph, and how many are to come. */
  private readonly hooked = new Map<Variable, { uses: number; sum: GpuArray | null }>();

  constructor(
    order: readonly Op[],
    private readonly into?: Map<Variable, GpuArray | null>,
  ) {
    for (const leaf of order.flatMap(({ inputs }) => inputs)) {
      if (leaf.op || leaf.hooks.size === 0) continue;
      const { uses } = this.hooked.get(leaf) ?? { uses: 0 };
      this.hooked.set(leaf, { uses: uses + 1, sum: null });
    }
  }

  /** Takes `dx`, the gradient of one input of `op`. */
  passFrom(op: Op, input: Variable, dx: GpuArray | null): void {
    if (!dx) return;
    if (!input.requiresGrad) {
      dx.release();
      return;
    }
    if (!sameShape(dx.shape, input.shape)) {
      dx.release();
      const expected = `a gradient ${formatShape(input.shape)}`;
      throw new ShapeError(`${op.name}.backward`, expected, dx.shape);
    }
    this.pass(input, dx);
  }

  /** Takes a gradient of `variable`: one of several, if it is used more than once. */
  pass(variable: Variable, dx: GpuArray): void {
    if (variable.op) {
      const sum = this.hidden.get(variable.op);
      this.hidden.set(variable.op, sum ? accumulate(sum, dx) : dx);
      return;
    }
    const waiting = this.hooked.get(variable);
    if (waiting) waiting.sum = waiting.sum ? accumulate(waiting.sum, dx) : dx;
    else this.arrive(variable, runHooks(variable, dx));
  }

  /** The whole gradient of the result of `op`, if there is one. */
  take(op: Op): GpuArray | null {
    const sum = this.hidden.get(op);
    if (!sum) return null;
    this.hidden.delete(op);
    const output = op.output!;
    const dy = runHooks(output, sum);
    if (output.hooks.size > 0) inspectGiven(op, dy, 'a hook');
    if (this.into ? this.into.has(output) : output.retainsGrad) this.arrive(output, dy.share());
    return dy;
  }

  /** Delivers to leaves with hooks whose last use `op` was. */
  deliver(op: Op): void {
    for (const leaf of op.inputs) {
      const waiting = this.hooked.get(leaf);
      if (!waiting || --waiting.uses > 0) continue;
      const { sum } = waiting;
      waiting.sum = null;
      if (sum) this.arrive(leaf, runHooks(leaf, sum));
    }
  }

  /** Gives back what did not arrive. */
  release(): void {
    for (const left of this.hidden.values()) left.release();
    for (const { sum } of this.hooked.values()) sum?.release();
  }

  private arrive(variable: Variable, dx: GpuArray): void {
    if (!this.into) addGradient(variable, dx);
    else if (!this.into.has(variable)) dx.release();
    else {
      const sum = this.into.get(variable);
      this.into.set(variable, sum ? accumulate(sum, dx) : dx);
    }
  }
}

/** What the hooks of a tensor make of its gradient. Takes over `dx`. */
function runHooks(variable: Variable, dx: GpuArray): GpuArray {
  let gradient = dx;
  try {
    for (const hook of [...variable.hooks]) {
      const other = hook(gradient);
      if (!other) continue;
      gradient.release();
      gradient = other;
      if (!sameShape(other.shape, variable.shape)) {
        const expected = `a gradient ${formatShape(variable.shape)} from the hook`;
        throw new ShapeError('registerHook', expected, other.shape);
      }
      if (other.dtype !== variable.dtype) {
        const expected = `a gradient of ${variable.dtype} from the hook`;
        throw new DTypeError('registerHook', expected, other.dtype);
      }
    }
  } catch (error) {
    gradient.release();
    throw error;
  }
  return gradient;
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

/** Frees what an op saved, and its output but for what lives until the next step. */
function consume(op: Op, kept: ReadonlySet<Variable>): void {
  const output = op.consume();
  if (kept.has(output) || output.retainsGrad) op.trainingStep!.add(output);
  else if (!output.retained) output.free('backward() consumed it');
}

function addGradient(leaf: Variable, dx: GpuArray): void {
  if (leaf.isFreed) {
    dx.release(); // nobody could free a gradient that comes after its leaf
    return;
  }
  const sum = leaf.gradArray;
  if (sum)
    addInPlace(sum, dx); // as in PyTorch, whoever holds `t.grad` sees the sum
  else {
    const isItsOwn = dx.storage === leaf.gradPlace?.storage || !dx.storage.shared;
    leaf.gradArray = isItsOwn ? dx : ownCopy(dx);
    // What a dry run computes has no values: a tensor that has some does not keep it.
    if (!leaf.array.storage.isMeta) currentDryRun()?.undo.push(() => (leaf.gradArray = null));
  }
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
  const { shape, dtype } = root;
  // A replay finds it written.
  if (array.device.recording) return GpuArray.from(Float32Array.of(1), shape, array.device, dtype);
  return fill(GpuArray.empty(shape, dtype, array.device), 1);
}
