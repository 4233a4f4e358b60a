import type { Device } from '../../gpu/device.js';
import type { Trial } from '../../gpu/kernelChoices.js';

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

/** The variant for a problem: a forced one, else what was measured to be fastest, else the table's. */
export function choose<P>(family: KernelFamily<P>, problem: P, device: Device): string {
  const { forced, tuned, met } = device.choices;
  const wanted = forced.get(family.name);
  if (wanted !== undefined && family.candidates(problem, device).includes(wanted)) return wanted;
  if (tuned.size === 0 && !met) return family.preferred(problem, device);
  const id = `${family.name} ${family.key(problem)}`;
  const preferred = family.preferred(problem, device);
  if (met && !met.has(id)) {
    const candidates = family.candidates(problem, device);
    met.set(id, { candidates, preferred, trial: () => family.trial(problem, device) });
  }
  const found = tuned.get(id); // by another version of the library, it may be
  return found && family.candidates(problem, device).includes(found) ? found : preferred;
}
