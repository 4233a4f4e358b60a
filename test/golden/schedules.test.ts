/** Learning rates by step against PyTorch: schedules.json, which schedules.py writes. */
import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { expectClose } from '../support/compare.js';
import golden from './schedules.json';

const { lr } = sg.optim;

/** The functions that the file names. */
const LAMBDAS: Record<string, (t: number) => number> = {
  '0.9 ** t': (t) => 0.9 ** t,
  '1 / (1 + t)': (t) => 1 / (1 + t),
};

type Schedule = sg.optim.lr.LRScheduler | sg.optim.lr.ReduceLROnPlateau;

function make(name: string, options: Record<string, unknown>, optimizer: sg.optim.SGD): Schedule {
  if (name !== 'LambdaLR') {
    return new lr[name as 'StepLR'](optimizer, options as { stepSize: number });
  }
  const names = options.lrLambda as string | string[];
  const lambdas = [names].flat().map((each) => LAMBDAS[each]!);
  return new lr.LambdaLR(optimizer, typeof names === 'string' ? lambdas[0]! : lambdas);
}

const cases = golden.cases.map(({ schedules, lrs }) => ({
  title: schedules.map(({ name, options }) => `${name} ${JSON.stringify(options)}`).join(', '),
  schedules,
  lrs,
}));

describe(`schedules, as those of PyTorch ${golden.torch}`, () => {
  test.each(cases)('$title', ({ schedules, lrs }) => {
    const params = golden.base.map((base) => ({
      params: [sg.zeros([1], { requiresGrad: true })],
      lr: base,
    }));
    const optimizer = new sg.optim.SGD(params);
    const steppers = schedules.map(({ name, options }) => make(name, options, optimizer));
    const now = (): number[] => optimizer.paramGroups.map((group) => group.lr);
    expect(lrs).toHaveLength(golden.metrics.length + 1);
    const seen = [now()];
    for (const metric of golden.metrics) {
      for (const schedule of steppers) schedule.step(metric);
      seen.push(now());
    }
    for (const [t, expected] of lrs.entries()) {
      expectClose(seen[t]!, expected, { absolute: 0, relative: 1e-12 }, `after ${t} steps`);
    }
    for (const group of params) group.params[0]!.dispose();
    optimizer.dispose();
  });

  test('every schedule is among them', () => {
    const names = new Set(golden.cases.flatMap((c) => c.schedules.map(({ name }) => name)));
    const classes = Object.keys(lr).filter((name) => name !== 'LRScheduler');
    expect([...names].sort()).toEqual(classes.sort());
  });
});
