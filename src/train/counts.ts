import { fill } from '../autograd/kernels/fill.js';
import { ArgumentError } from '../errors.js';
import { currentDevice } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkPredictions, countConfusions } from './outcomes.js';
import { classificationReport, type ClassificationReport } from './report.js';

/** Counts as plain data; none before the first batch. */
interface SavedCounts {
  shape: readonly number[];
  values: readonly number[];
}

/** Integers on the GPU that are made, all 0, when they are first used. */
export class Counts {
  private array: GpuArray | null = null;

  of(shape: readonly number[]): GpuArray {
    return (this.array ??= fill(GpuArray.empty(shape, 'u32', currentDevice()), 0));
  }

  /** Empty before they are used. */
  async read(): Promise<Uint32Array> {
    return this.array ? ((await this.array.read()) as Uint32Array) : new Uint32Array();
  }

  async stateDict(): Promise<SavedCounts | undefined> {
    return this.array ? { shape: this.array.shape, values: [...(await this.read())] } : undefined;
  }

  loadStateDict(state: unknown): void {
    const { shape, values } = state as SavedCounts;
    this.of(shape).write(Uint32Array.from(values));
  }

  dispose(): void {
    this.array?.release();
    this.array = null;
  }
}

/** How often each class was taken for each other one, counted batch by batch. */
export class Confusions {
  private readonly counts = new Counts();
  private classes = 0;

  /** Arguments as for a metric; targets that are none of the classes are left out. */
  add(logits: Tensor, target: Tensor): void {
    checkPredictions('confusion matrix', logits, target);
    const classes = logits.shape[1]!;
    if (this.classes !== 0 && this.classes !== classes) {
      throw new ArgumentError('confusion matrix', `logits of ${this.classes} classes`, classes);
    }
    this.classes = classes;
    countConfusions(this.counts.of([classes, classes]), logits, target);
  }

  /** Precision, recall and F1 so far. */
  async report(options: { zeroDivision?: number }): Promise<ClassificationReport> {
    return classificationReport(await this.counts.read(), this.classes, options);
  }

  stateDict(): Promise<unknown> {
    return this.counts.stateDict();
  }

  loadStateDict(state: unknown): void {
    this.counts.loadStateDict(state);
    this.classes = (state as SavedCounts).shape[0]!;
  }

  dispose(): void {
    this.counts.dispose();
  }
}
