import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { expectClose } from '../support/compare.js';

const { lr } = sg.optim;

/** Two groups, of the learning rates 1 and 0.1. */
function groups(): sg.optim.lr.LROptimizer {
  return { paramGroups: [1, 0.1].map((lr) => ({ params: [], lr })) };
}

/** The first group's learning rate before the first step and after each. */
function course(scheduler: { step(): void; getLastLr(): number[] }, steps: number): number[] {
  const lrs = [scheduler.getLastLr()[0]!];
  for (let t = 1; t <= steps; t++) {
    scheduler.step();
    lrs.push(scheduler.getLastLr()[0]!);
  }
  return lrs;
}

test('StepLR falls every so many steps, in every group', () => {
  const optimizer = groups();
  expectClose(
    course(new lr.StepLR(optimizer, { stepSize: 2, gamma: 0.5 }), 5),
    [1, 1, 0.5, 0.5, 0.25, 0.25],
  );
  expectClose([optimizer.paramGroups[1]!.lr], [0.025]);
});

test('MultiStepLR falls at its milestones, twice where one comes twice', () => {
  expectClose(
    course(new lr.MultiStepLR(groups(), { milestones: [1, 3, 3] }), 4),
    [1, 0.1, 0.1, 0.001, 0.001],
  );
});

test('ExponentialLR falls at every step', () => {
  expectClose(course(new lr.ExponentialLR(groups(), { gamma: 0.9 }), 3), [1, 0.9, 0.81, 0.729]);
});

test('CosineAnnealingLR goes down to etaMin and up again', () => {
  const expected = Array.from(
    { length: 9 },
    (_, t) => 0.2 + (0.8 * (1 + Math.cos((Math.PI * t) / 4))) / 2,
  );
  expectClose(course(new lr.CosineAnnealingLR(groups(), { tMax: 4, etaMin: 0.2 }), 8), expected);
});

test('LambdaLR multiplies the base, by one function each', () => {
  const optimizer = groups();
  const scheduler = new lr.LambdaLR(optimizer, [(t) => 1 / (t + 1), (t) => t]);
  expectClose(course(scheduler, 3), [1, 1 / 2, 1 / 3, 1 / 4]);
  expectClose([optimizer.paramGroups[1]!.lr], [0.3]);
  expect(() => new lr.LambdaLR(groups(), [() => 1])).toThrow(sg.ArgumentError);
});

test('WarmupLR rises to the full learning rate and stays there', () => {
  expectClose(
    course(new lr.WarmupLR(groups(), { startFactor: 0.2, totalIters: 4 }), 5),
    [0.2, 0.4, 0.6, 0.8, 1, 1],
  );
});

test('two schedules combine', () => {
  const optimizer = groups();
  const schedulers = [
    new lr.WarmupLR(optimizer, { startFactor: 0.5, totalIters: 2 }),
    new lr.ExponentialLR(optimizer, { gamma: 0.5 }),
  ];
  for (let t = 0; t < 3; t++) for (const scheduler of schedulers) scheduler.step();
  expectClose([optimizer.paramGroups[0]!.lr], [0.125]);
});

describe('ReduceLROnPlateau', () => {
  const play = (options: sg.optim.lr.ReduceLROnPlateauOptions, metrics: number[]): number[] => {
    const scheduler = new lr.ReduceLROnPlateau(groups(), options);
    return metrics.map((metric) => {
      scheduler.step(metric);
      return scheduler.getLastLr()[0]!;
    });
  };

  test('falls after more than `patience` steps without an improvement', () => {
    expectClose(play({ patience: 1 }, [3, 2, 2, 2, 2, 2, 1]), [1, 1, 1, 0.1, 0.1, 0.01, 0.01]);
  });

  test('waits for `cooldown` steps, and stops at minLr', () => {
    expectClose(
      play({ patience: 0, cooldown: 2, minLr: 0.05 }, [1, 1, 1, 1, 1, 1]),
      [1, 0.1, 0.1, 0.1, 0.05, 0.05],
    );
  });

  test.each([
    ['rel', [100, 100.005, 100.02], [1, 0.1, 0.1]],
    ['abs', [100, 100.005, 100.006], [1, 1, 1]],
  ] as const)('counts what is an improvement by %s', (thresholdMode, metrics, expected) => {
    expectClose(play({ mode: 'max', patience: 0, thresholdMode }, [...metrics]), expected);
  });

  test('goes on from its state', () => {
    const before = new lr.ReduceLROnPlateau(groups(), { patience: 1 });
    for (const metric of [1, 2]) before.step(metric);
    const after = new lr.ReduceLROnPlateau(groups(), { patience: 1 });
    after.loadStateDict(before.stateDict());
    after.step(2);
    expectClose(after.getLastLr(), [0.1, 0.01]);
  });

  test('refuses a factor that does not reduce', () => {
    expect(() => new lr.ReduceLROnPlateau(groups(), { factor: 1 })).toThrow(
      'ReduceLROnPlateau: expected factor under 1, got 1',
    );
  });
});

test('a schedule goes on from its state', () => {
  const before = new lr.CosineAnnealingLR(groups(), { tMax: 10 });
  course(before, 4);
  const after = new lr.CosineAnnealingLR(groups(), { tMax: 10 });
  after.loadStateDict(before.stateDict());
  expectClose(course(after, 3), course(before, 3));
  expect(() => after.loadStateDict({ lastEpoch: 1, baseLrs: [1], lrs: [1] })).toThrow(
    'CosineAnnealingLR.loadStateDict: expected 2 parameter groups, got 1',
  );
});

test.each([
  [() => new lr.StepLR(groups(), { stepSize: 0 }), 'StepLR: expected stepSize of 1 or more, got 0'],
  [() => new lr.CosineAnnealingLR(groups(), { tMax: 0 }), 'tMax above 0'],
  [() => new lr.WarmupLR(groups(), { startFactor: 0 }), 'startFactor above 0 and at most 1'],
])('refuses settings that make no sense: %s', (make, message) => {
  expect(make).toThrow(message);
});
