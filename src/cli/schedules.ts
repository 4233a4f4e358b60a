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
  /** Keys of its numbers; of milestones there are several. */
  keys: readonly string[];
  make(
    optimizer: optim.lr.LROptimizer,
    numbers: Record<string, number>,
    all: Spec['numbers'],
    epochs: number,
  ): ConstructorParameters<typeof train.LRSchedule>[0];
}

const { lr } = optim;

const SCHEDULES: Readonly<Record<string, ScheduleKind>> = {
  step: {
    keys: ['stepSize', 'gamma'],
    make: (optimizer, { stepSize, gamma }, _, epochs) =>
      new lr.StepLR(optimizer, { stepSize: stepSize ?? Math.ceil(epochs / 3), gamma }),
  },
  multistep: {
    keys: ['milestones', 'gamma'],
    make: (optimizer, { gamma }, { milestones = [] }) =>
      new lr.MultiStepLR(optimizer, { milestones, gamma }),
  },
  exponential: {
    keys: ['gamma'],
    make: (optimizer, { gamma = 0.95 }) => new lr.ExponentialLR(optimizer, { gamma }),
  },
  cosine: {
    keys: ['tMax', 'etaMin'],
    make: (optimizer, { tMax, etaMin }, _, epochs) =>
      new lr.CosineAnnealingLR(optimizer, { tMax: tMax ?? epochs, etaMin }),
  },
  plateau: {
    keys: ['factor', 'patience', 'threshold', 'cooldown', 'minLr'],
    make: (optimizer, numbers) => new lr.ReduceLROnPlateau(optimizer, numbers),
  },
  warmup: {
    keys: ['startFactor', 'totalIters'],
    make: (optimizer, numbers) => new lr.WarmupLR(optimizer, numbers),
  },
};

export const SCHEDULE_NAMES: readonly string[] = Object.keys(SCHEDULES);

/** Parses `--schedule`. @returns the text, which is checked. */
export function parseSchedule(text: string): string {
  const { name, numbers } = parseSpec(text);
  const kind = Object.hasOwn(SCHEDULES, name) ? SCHEDULES[name]! : undefined;
  if (!kind) throw new InvalidArgumentError(`Expected one of ${SCHEDULE_NAMES.join(', ')}.`);
  const unknown = Object.keys(numbers).find((key) => !kind.keys.includes(key));
  if (unknown !== undefined) {
    const known = kind.keys.join(', ') || 'no numbers';
    throw new InvalidArgumentError(`${name} has ${known}, not '${unknown}'.`);
  }
  return text;
}

/** The schedule that a checked text stands for, which goes on once an epoch. */
export function makeSchedule(
  text: string,
  optimizer: optim.lr.LROptimizer,
  { epochs, monitor }: { epochs: number; monitor: string },
): train.LRSchedule {
  const { name, numbers } = parseSpec(text);
  const single = Object.fromEntries(Object.entries(numbers).map(([key, [first]]) => [key, first!]));
  const scheduler = SCHEDULES[name]!.make(optimizer, single, numbers, epochs);
  return new train.LRSchedule(scheduler, { monitor });
}
