import type { Device } from '../../gpu/device.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { KernelChoices } from '../../gpu/kernelChoices.js';

/** Kernels that give the same result for a problem, of which one is the fastest. */
export interface KernelFamily<P> {
  readonly name: string;
  /** All that the choice may depend on, in words: `m256 n120 k400 f32 b^T`. */
  key(problem: P): string;
  /** The variants that can do it on this device; the first one is the reference for the others. */
  candidates(problem: P, device: Device): readonly string[];
  /** The variant of the table (`table.ts`). */
  preferred(problem: P, device: Device): string;
  /** A run of the problem on random inputs of its own, to be checked and timed. */
  trial(problem: P, device: Device): Trial;
}

export interface Trial {
  /** The results of one variant, to be released by the caller. */
  run(variant: string): GpuArray[];
  /** Frees the inputs. */
  release(): void;
}

/** The variant for a problem: a forced one, else what was measured to be fastest, else the table's. */
export function choose<P>(family: KernelFamily<P>, problem: P, device: Device): string {
  const { forced, tuned, met } = device.choices;
  const wanted = forced.get(family.name);
  if (wanted !== undefined && family.candidates(problem, device).includes(wanted)) return wanted;
  if (tuned.size === 0 && !met) return family.preferred(problem, device);
  const key = family.key(problem);
  const id = KernelChoices.id(family.name, key);
  if (met && !met.has(id)) met.set(id, { family: family.name, key, problem });
  return tuned.get(id) ?? family.preferred(problem, device);
}
