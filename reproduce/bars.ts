/** What the figures of an experiment must be. */
import type { Bar } from './experiments.js';
import type { ExperimentResult } from './results.js';
import { FIGURES } from './words.js';

/** Whether figures are as good as they must be. */
export function meets(
  bars: readonly Bar[],
  { figures, history }: Pick<ExperimentResult, 'figures' | 'history'>,
): boolean {
  return bars.every((bar) => {
    if ('lossFalls' in bar) {
      const [first, last] = [history[0]!.loss, history.at(-1)!.loss];
      return Number.isFinite(last) && last < first;
    }
    const value = figures[bar.figure];
    // In a file NaN has become null, which compares as 0.
    if (value === undefined || !Number.isFinite(value)) return false;
    if ('atLeast' in bar) return value >= bar.atLeast;
    if ('atMost' in bar) return value <= bar.atMost;
    return Math.abs(value - bar.near) <= bar.within;
  });
}

export function barWords(bar: Bar): string {
  if ('lossFalls' in bar) return 'loss falls';
  const figure = FIGURES[bar.figure];
  if ('atLeast' in bar) return `${figure} at least ${bar.atLeast}`;
  if ('atMost' in bar) return `${figure} at most ${bar.atMost}`;
  return `${figure} ${bar.near} within ${bar.within}`;
}
