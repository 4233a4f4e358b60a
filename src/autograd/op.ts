import { AutogradError } from '../errors.js';
import type { Device } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import type { Step } from './step.js';
import type { Variable } from './variable.js';

/** What `backward` gives for each input of an op, in order; null where there is no gradient. */
export type Gradients = GpuArray | null | readonly (GpuArray | null)[];

/** Frees what a collected op had saved: a net for graphs that no backward ever consumed. */
const collected = new FinalizationRegistry<GpuArray[]>((saved) =>
  saved.forEach((array) => array.release()),
);

let recorded = 0;

/**
 * One application of a differentiable function, and at once the tape's node for it: `forward`
 * and `backward` stand beside each other, typed fields hold what backward needs.
 *
 * Both work on arrays. An array that `forward` or `backward` returns belongs to the caller, so an
 * input is passed on as `x.share()`. What backward needs of the inputs or the output goes through
 * `save`, what forward made for backward alone through `own`: the tape gives both back once
 * backward has run, or at once where no gradient is wanted.
 */
export abstract class Op {
  /** As in the public API: `maxPool2d`. */
  abstract readonly name: string;
  /** False for ops like argmax, whose result has no gradient. */
  readonly differentiable: boolean = true;

  /** True if its result stands for its one input: what outlives backward is looked for behind it. */
  readonly passesOn: boolean = false;

  /** Set before `forward`: which inputs want a gradient; all false where none is recorded. */
  needs: readonly boolean[] = [];
  /** Set before `backward`: where the gradient of each input is wanted, if it has a place. */
  destinations: readonly (GpuArray | null)[] = [];
  /** The rest belongs to the tape. */
  inputs: readonly Variable[] = [];
  output: Variable | null = null;
  trainingStep: Step | null = null;
  /** In anomaly mode: the call stack of its forward. */
  recordedAt = '';
  /** True once backward has consumed it. */
  consumed = false;
  /** When it was recorded: an op comes after those that its inputs came from. */
  sequence = 0;
  private readonly saved: GpuArray[] = [];
  private versions: number[] = [];

  abstract forward(...inputs: GpuArray[]): GpuArray;
  abstract backward(dy: GpuArray): Gradients;

  /** True if a gradient will be asked for: forward may skip what only backward needs. */
  protected get recording(): boolean {
    return this.needs.includes(true);
  }

  /**
   * For `backward`: an array of the shape and dtype of input `i`, to write its whole gradient to and
   * return. It has its place among the gradients that an optimizer takes at once, if there is one.
   */
  protected gradientFor(i: number, device: Device): GpuArray {
    const { shape, dtype } = this.inputs[i]!;
    return this.destinations[i]?.share() ?? GpuArray.empty(shape, dtype, device);
  }

  /** Keeps an input or the output for backward. */
  protected save(array: GpuArray): GpuArray {
    return this.own(array.share());
  }

  /** Keeps an array that forward made for backward alone. */
  protected own(array: GpuArray): GpuArray {
    this.saved.push(array);
    return array;
  }

  /** Called by the tape when forward is done and the op is recorded. */
  seal(): void {
    this.sequence = recorded++;
    this.versions = this.saved.map((array) => array.storage.version);
    if (this.saved.length > 0) collected.register(this, this.saved, this);
  }

  /** @throws AutogradError if backward has run, or if a saved array was written to since. */
  checkSaved(): void {
    if (this.consumed) {
      throw new AutogradError(
        `${this.name}: backward ran through this part of the graph before, and freed it. ` +
          'Pass { retainGraph: true } to the first backward().',
      );
    }
    if (this.saved.some((array, i) => array.storage.version !== this.versions[i])) {
      throw new AutogradError(
        `${this.name}: a tensor that backward needs was changed in place after forward. ` +
          'Call backward() before optimizer.step() or copy_().',
      );
    }
  }

  /** Marks that no backward can come any more, and frees what was kept for one. @returns the output. */
  consume(): Variable {
    const output = this.output!;
    this.consumed = true;
    this.release();
    this.inputs = [];
    this.output = null;
    return output;
  }

  /** Gives back what was saved. */
  release(): void {
    collected.unregister(this);
    for (const array of this.saved) array.release();
    this.saved.length = 0;
  }
}

/** `ops` and all that they were computed from: those that a gradient flows through. */
export function graphOf(ops: readonly Op[]): Set<Op> {
  const seen = new Set(ops);
  // A set grows while it is walked.
  for (const { inputs } of seen) for (const { op } of inputs) if (op) seen.add(op);
  return seen;
}
