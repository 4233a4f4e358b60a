/** `--schedule`: a name with numbers, such as `cosine:etaMin=0.001`. */
import { InvalidArgumentError } from 'commander';
import { optim, train } from 'shadegrad';

/** A name and its numbers. */
interface Spec {
  name: string;
  numbers: Readonly<Record<string, readonly number[]>>;
}

/** `name:key=1,other=2+3`. */
function parseSpec(text: string): Spec {
  const [name = '', rest] = text.split(/:(.*)/s);
  const numbers: Record<string, number[]> = {};
  for (const pair of rest ? rest.split(',') : []) {
    const [key = '', values] = pair.split('=');
    const list = (values ?? '').split('+').map(Number);
    if (!key || !values || list.some((value) => !Number.isFinite(value))) {
      throw new InvalidArgumentError(`Expected key=number after ${name}:, got '${pair}'.`);
    }
    numbers[key] = list;
  }
  return { name, numbers };
}

interface ScheduleKind {
  /** Keys of single numbers. */
  numbers: readonly string[];
  /** The key of a list of numbers, which must be given. */
  list?: string;
  /** What depends on how many epochs a training begins with. */
  usual?: (epochs: number) => Readonly<Record<string, number>>;
  make(
    optimizer: optim.lr.LROptimizer,
    numbers: Record<string, number>,
    list: readonly number[],
    falls: boolean,
  ): ConstructorParameters<typeof train.LRSchedule>[0];
}

const { lr } = optim;

const SCHEDULES: Readonly<Record<string, ScheduleKind>> = {
  step: {
    numbers: ['stepSize', 'gamma'],
    usual: (epochs) => ({ stepSize: Math.ceil(epochs / 3) }),
    make: (optimizer, { stepSize, gamma }) =>
      new lr.StepLR(optimizer, { stepSize: stepSize!, gamma }),
  },
  multistep: {
    numbers: ['gamma'],
    list: 'milestones',
    make: (optimizer, { gamma }, milestones) =>
      new lr.MultiStepLR(optimizer, { milestones, gamma }),
  },
  exponential: {
    numbers: ['gamma'],
    make: (optimizer, { gamma = 0.95 }) => new lr.ExponentialLR(optimizer, { gamma }),
  },
  cosine: {
    numbers: ['tMax', 'etaMin'],
    usual: (epochs) => ({ tMax: epochs }),
    make: (optimizer, { tMax, etaMin }) =>
      new lr.CosineAnnealingLR(optimizer, { tMax: tMax!, etaMin }),
  },
  plateau: {
    numbers: ['factor', 'patience', 'threshold', 'cooldown', 'minLr'],
    make: (optimizer, numbers, _, falls) =>
      new lr.ReduceLROnPlateau(optimizer, { ...numbers, mode: falls ? 'min' : 'max' }),
  },
  warmup: {
    numbers: ['startFactor', 'totalIters'],
    make: (optimizer, numbers) => new lr.WarmupLR(optimizer, numbers),
  },
};

export const SCHEDULE_NAMES: readonly string[] = Object.keys(SCHEDULES);

/** Parses `--schedule`. @returns the text, which is checked. */
export function parseSchedule(text: string): string {
  const { name, numbers } = parseSpec(text);
  const kind = Object.hasOwn(SCHEDULES, name) ? SCHEDULES[name]! : undefined;
  if (!kind) throw new InvalidArgumentError(`Expected one of ${SCHEDULE_NAMES.join(', ')}.`);
  const known = [...kind.numbers, ...(kind.list === undefined ? [] : [kind.list])];
  for (const [key, { length }] of Object.entries(numbers)) {
    if (!known.includes(key)) {
      throw new InvalidArgumentError(`${name} has ${known.join(', ')}, not '${key}'.`);
    }
    if (length > 1 && key !== kind.list) {
      throw new InvalidArgumentError(`Expected one number for ${key}.`);
    }
  }
  if (kind.list !== undefined && !numbers[kind.list]) {
    throw new InvalidArgumentError(`Expected ${name}:${kind.list}=10+20, or the like.`);
  }
  return text;
}

/** A checked text with what follows from the epochs that a training begins with. */
export function spelledOut(text: string, epochs: number): string {
  const { name, numbers } = parseSpec(text);
  const all = { ...SCHEDULES[name]!.usual?.(epochs), ...numbers };
  const pairs = Object.entries(all).map(([key, values]) => `${key}=${[values].flat().join('+')}`);
  return pairs.length > 0 ? `${name}:${pairs.join(',')}` : name;
}

/** Whether a checked text stands for a schedule that watches a value. */
export function watches(text: string): boolean {
  return parseSpec(text).name === 'plateau';
}

/**
 * The schedule that a text stands for, which goes on once an epoch.
 *
 * @param text     As `spelledOut` gives it.
 * @param monitor  The value that plateau watches.
 */
export function makeSchedule(
  text: string,
  optimizer: optim.lr.LROptimizer,
  { monitor }: { monitor: string },
): train.LRSchedule {
  const { name, numbers } = parseSpec(text);
  const kind = SCHEDULES[name]!;
  const single = Object.fromEntries(
    Object.entries(numbers).flatMap(([key, [first]]) => (key === kind.list ? [] : [[key, first!]])),
  ) as Record<string, number>;
  const falls = !/accuracy/i.test(monitor);
  const scheduler = kind.make(optimizer, single, numbers[kind.list ?? ''] ?? [], falls);
  return new train.LRSchedule(scheduler, { monitor });
}
