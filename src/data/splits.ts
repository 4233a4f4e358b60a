/** Parts of data sets: to train, to validate and to test with. */
import { ArgumentError } from '../errors.js';
import { defaultGenerator, type Generator } from '../random/generator.js';
import { Subset, type Dataset } from './dataset.js';

/**
 * Splits a data set at random into parts without overlap.
 *
 * @param lengths    Examples of each part, or fractions that add up to 1; of a fraction's remainder
 *                   the first parts get one example more each.
 * @param generator  Default the one that `manualSeed` seeds.
 * @throws ArgumentError if the lengths do not add up.
 */
export function randomSplit(
  dataset: Dataset,
  lengths: readonly number[],
  generator: Generator = defaultGenerator,
): Subset[] {
  const counts = countsOf('randomSplit', dataset, lengths);
  const order = generator.permutation(dataset.length);
  let start = 0;
  return counts.map((count) => new Subset(dataset, order.slice(start, (start += count))));
}

/** What the functions that keep classes in proportion take. */
export interface StratifyOptions {
  /** The class of each example. Default what the data set knows of itself. */
  labels?: ArrayLike<number>;
  /** Default the one that `manualSeed` seeds. */
  generator?: Generator;
}

/**
 * Splits a data set at random into parts in which the classes have the shares that they have in the
 * whole, as closely as whole examples allow.
 *
 * @param lengths  Examples of each part, or fractions that add up to 1.
 * @throws ArgumentError if the lengths do not add up, or nothing says what the labels are.
 *
 * @example
 * const { train, test } = await sg.data.mnist();
 * const [fit, validation] = sg.data.stratifiedSplit(train, [0.8, 0.2]);
 */
export function stratifiedSplit(
  dataset: Dataset,
  lengths: readonly number[],
  options: StratifyOptions = {},
): Subset[] {
  const counts = countsOf('stratifiedSplit', dataset, lengths);
  return deal(dataset, counts, orderByClass('stratifiedSplit', dataset, options));
}

/** The two parts of a data set of which one is held back. */
export interface Fold {
  train: Subset;
  validation: Subset;
}

export interface SplitOptions {
  /** Takes examples at random; otherwise in their own order. Default true. */
  shuffle?: boolean;
  /** Default the one that `manualSeed` seeds. */
  generator?: Generator;
}

/**
 * Holds back a share of a data set to validate with.
 *
 * @param fraction  Of the examples, above 0 and below 1; what remains to train with is rounded down.
 * @param options   With `shuffle: false` the last examples are held back, as Keras'
 *                  `validation_split` does.
 * @throws ArgumentError if a part would be empty.
 */
export function validationSplit(
  dataset: Dataset,
  fraction: number,
  { shuffle = true, generator = defaultGenerator }: SplitOptions = {},
): Fold {
  const kept = Math.floor(dataset.length * (1 - fraction));
  if (!(fraction > 0 && kept > 0 && kept < dataset.length)) {
    const expected = `a fraction of ${dataset.length} examples that leaves some in both parts`;
    throw new ArgumentError('validationSplit', expected, fraction);
  }
  const order = orderOf(dataset, shuffle, generator);
  return {
    train: new Subset(dataset, order.slice(0, kept)),
    validation: new Subset(dataset, order.slice(kept)),
  };
}

/**
 * Cuts a data set into k parts of nearly the same size, and holds back each of them once.
 *
 * @throws ArgumentError unless k is a whole number from 2 to the number of examples.
 * Source: https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.KFold.html
 *
 * @example
 * for (const { train, validation } of sg.data.kFold(dataset, 5)) ...
 */
export function kFold(
  dataset: Dataset,
  k: number,
  { shuffle = true, generator = defaultGenerator }: SplitOptions = {},
): Fold[] {
  const order = orderOf(dataset, shuffle, generator);
  let start = 0;
  const parts = foldCounts('kFold', dataset, k).map((count) =>
    order.slice(start, (start += count)),
  );
  return folds(dataset, parts);
}

/**
 * The same, with the classes in each part as they are in the whole.
 *
 * @throws ArgumentError for a k as above, or if nothing says what the labels are.
 * Source: https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.StratifiedKFold.html
 */
export function stratifiedKFold(
  dataset: Dataset,
  k: number,
  options: StratifyOptions = {},
): Fold[] {
  const counts = foldCounts('stratifiedKFold', dataset, k);
  const parts = deal(dataset, counts, orderByClass('stratifiedKFold', dataset, options));
  return folds(
    dataset,
    parts.map(({ indices }) => indices),
  );
}

/** Whole numbers of examples for each part. */
function countsOf(op: string, dataset: Dataset, lengths: readonly number[]): number[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const isShare = (length: number): boolean => length >= 0 && length <= 1;
  const fractions =
    Math.abs(total - 1) < 1e-6 && lengths.every(isShare) && !lengths.every(Number.isInteger);
  const counts = lengths.map((length) =>
    fractions ? Math.floor(length * dataset.length) : length,
  );
  if (fractions) {
    let left = dataset.length - counts.reduce((sum, count) => sum + count, 0);
    for (let i = 0; left > 0; i = (i + 1) % counts.length, left--) counts[i]!++;
  } else if (
    total !== dataset.length ||
    lengths.some((length) => !Number.isInteger(length) || length < 0)
  ) {
    throw new ArgumentError(
      op,
      `lengths that add up to ${dataset.length}, or fractions that add up to 1`,
      `[${lengths.join(', ')}]`,
    );
  }
  return counts;
}

function foldCounts(op: string, { length }: Dataset, k: number): number[] {
  if (!Number.isInteger(k) || k < 2 || k > length)
    throw new ArgumentError(op, `a whole number of folds from 2 to ${length}`, k);
  return Array.from({ length: k }, (_, i) => Math.floor(length / k) + Number(i < length % k));
}

function orderOf({ length }: Dataset, shuffle: boolean, generator: Generator): Uint32Array {
  return shuffle ? generator.permutation(length) : Uint32Array.from({ length }, (_, i) => i);
}

/** All examples, class by class, those of a class in random order. */
function orderByClass(
  op: string,
  dataset: Dataset,
  { labels = dataset.labels, generator = defaultGenerator }: StratifyOptions,
): Uint32Array {
  if (labels?.length !== dataset.length) {
    const fix = 'Give the class of each example as `labels`, such as `await y.data()`.';
    const got = labels ? labels.length : 'a data set that does not know them';
    throw new ArgumentError(op, `${dataset.length} labels`, got, fix);
  }
  return generator.permutation(dataset.length).sort((a, b) => labels[a]! - labels[b]!);
}

/**
 * Deals examples to parts of `counts`, one after the other: to the one that is furthest behind its
 * share so far. So each stretch of the order, and thus each class, is shared out in proportion.
 */
function deal(dataset: Dataset, counts: readonly number[], order: Uint32Array): Subset[] {
  const parts = counts.map((): number[] => []);
  order.forEach((index, i) => {
    let behind = 0;
    let most = -Infinity;
    counts.forEach((count, p) => {
      const missing = count * (i + 1) - parts[p]!.length * order.length;
      if (missing > most) [behind, most] = [p, missing];
    });
    parts[behind]!.push(index);
  });
  return parts.map((indices) => new Subset(dataset, indices));
}

function folds(dataset: Dataset, parts: readonly (readonly number[] | Uint32Array)[]): Fold[] {
  return parts.map((held, p) => ({
    train: new Subset(
      dataset,
      parts.filter((_, other) => other !== p).flatMap((part) => Array.from(part)),
    ),
    validation: new Subset(dataset, held),
  }));
}
