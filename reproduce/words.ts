/** What the tables say of sizes and figures. */
import type { Figures, Version, VersionName } from './experiments.js';

export const FIGURES: Readonly<Record<keyof Figures, string>> = {
  trainLoss: 'train loss',
  trainAccuracy: 'train accuracy',
  testLoss: 'test loss',
  testAccuracy: 'test accuracy',
};

/** `test loss 0.0718, test accuracy 0.9775`: those that are numbers, and that are wanted. */
export function figureWords(
  figures: Partial<Figures>,
  isWanted: (figure: keyof Figures) => boolean = () => true,
): string {
  return (Object.keys(FIGURES) as (keyof Figures)[])
    .filter((figure) => Number.isFinite(figures[figure]) && isWanted(figure))
    .map((figure) => `${FIGURES[figure]} ${figures[figure]!.toFixed(4)}`)
    .join(', ');
}

export const count = (n: number, what: string): string =>
  `${n.toLocaleString('en-US')} ${what}${n === 1 ? '' : 's'}`;

/** A size that is to run: `quick: 1 epoch of 12,000 images`. */
export function plannedWords(
  name: VersionName,
  { epochs, images, validation = 0 }: Version,
): string {
  const trained = Math.floor(images * (1 - validation));
  return `${name}: ${count(epochs, 'epoch')} of ${count(trained, 'image')}`;
}

/** `about 3 min`, and not to the second. */
export function aboutWords(seconds: number): string {
  if (seconds < 60) return `about ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 2 * 3600) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.round(seconds / 3600)} h`;
}
