/** A piece of work that several kernels can do, as it was met in a run. */
export interface Met {
  /** Of kernels: `matmul`. */
  family: string;
  /** All that the choice may depend on: `m256 n120 k400 f32 b^T`. */
  key: string;
  problem: unknown;
}

/** Which kernel of a family does a piece of work on this device, where that is not for the table to say. */
export class KernelChoices {
  /** Variants by family and key: what was measured to be fastest. */
  readonly tuned = new Map<string, string>();
  /** Variants by family, for all work that they can do: for tests and measurements. */
  readonly forced = new Map<string, string>();
  /** While set, each piece of work that is met is noted here, once. */
  met: Map<string, Met> | null = null;

  static id(family: string, key: string): string {
    return `${family} ${key}`;
  }
}
