/** Where cost stops being linear in size, and which kernel makes it so. */

/** What a size costs. */
export interface Point {
  /** Along the axis: images, pixels of a side, channels. */
  size: number;
  /** That a linear cost is proportional to: images, multiply-adds. */
  work: number;
  ms: number;
  dispatches: number;
  /** Milliseconds by kernel. */
  kernels: Readonly<Record<string, number>>;
}

/** A step from one size to the next at which cost is not linear. */
export interface Departure {
  from: number;
  to: number;
  /** Cost of a unit of work at `to`, over that at `from`: below 1 it still falls, above 1 it grows. */
  ratio: number;
  /** The kernel whose cost is furthest from linear: the one whose share grew most, or fell most. */
  kernel: string;
  shareBefore: number;
  shareAfter: number;
}

/** Cost of a unit of work that changes by less than this between two sizes counts as the same. */
const SAME = 1.25;

/**
 * The steps between neighbouring sizes at which the cost of a unit of work grows, or falls, by more
 * than a quarter. While it falls, a fixed cost is being shared by more work.
 */
export function departures(points: readonly Point[]): Departure[] {
  const found: Departure[] = [];
  for (let i = 1; i < points.length; i++) {
    const [before, after] = [points[i - 1]!, points[i]!];
    const ratio = after.ms / after.work / (before.ms / before.work);
    if (ratio < SAME && ratio > 1 / SAME) continue;
    found.push({ from: before.size, to: after.size, ratio, ...causeOf(before, after, ratio) });
  }
  return found;
}

/** From which size on all steps are linear or better; null if the last one is not. */
export function linearFrom(points: readonly Point[]): number | null {
  const last = departures(points).at(-1);
  if (!last) return points[0]?.size ?? null;
  return last.to === points.at(-1)!.size ? null : last.to;
}

/** The kernel that changed most in milliseconds, beyond what its work explains. */
function causeOf(
  before: Point,
  after: Point,
  ratio: number,
): Pick<Departure, 'kernel' | 'shareBefore' | 'shareAfter'> {
  const grown = after.work / before.work;
  const excess = (kernel: string): number =>
    (after.kernels[kernel] ?? 0) - grown * (before.kernels[kernel] ?? 0);
  const all = [...new Set([...Object.keys(before.kernels), ...Object.keys(after.kernels)])];
  const sign = ratio > 1 ? 1 : -1;
  const kernel = all.reduce((a, b) => (sign * excess(b) > sign * excess(a) ? b : a), all[0] ?? '');
  return {
    kernel,
    shareBefore: shareOf(before, kernel),
    shareAfter: shareOf(after, kernel),
  };
}

function shareOf({ kernels }: Point, kernel: string): number {
  const total = Object.values(kernels).reduce((a, b) => a + b, 0);
  return total > 0 ? (kernels[kernel] ?? 0) / total : 0;
}
