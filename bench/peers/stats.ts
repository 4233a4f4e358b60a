/** Medians, and ratios with their spread. */

export interface Ratio {
  median: number;
  low: number;
  high: number;
}

/** @throws RangeError for no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median: expected values, got none');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * `theirs` over `ours`, round by round, so that what slows the machine for a while slows both; null
 * where no round has both.
 */
export function ratioOf(
  theirs: readonly (number | null)[],
  ours: readonly (number | null)[],
): Ratio | null {
  const ratios = theirs.flatMap((ms, round) => {
    const own = ours[round] ?? null;
    return ms === null || own === null ? [] : [ms / own];
  });
  if (ratios.length === 0) return null;
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

/** How often to run something of `ms` in a round, which should take some tenths of a second. */
export function runsPerRound(ms: number): number {
  return Math.min(10, Math.max(1, Math.floor(300 / Math.max(ms, 1))));
}
