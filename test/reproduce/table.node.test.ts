import { describe, expect, test } from 'vitest';
import { meets } from '../../reproduce/bars.js';
import { durationTable } from '../../reproduce/durationTable.js';
import type { Bar } from '../../reproduce/experiments.js';
import { EXPERIMENTS } from '../../reproduce/experiments.js';
import type { ExperimentResult, Kept } from '../../reproduce/results.js';
import { keptRows, keptTables, reproductionTable } from '../../reproduce/table.js';
import { gpuSeconds, multiplyAddsOf, secondsAt, workOf } from '../../reproduce/duration.js';
import { ENVIRONMENT, pythonResult, result } from './support.js';

const KEPT: Kept = {
  files: [
    {
      environment: ENVIRONMENT,
      results: [
        result(),
        result({
          experiment: 'leNet5',
          finished: false,
          plannedEpochs: 100,
          epochs: 12,
          figures: { trainLoss: 0.1, trainAccuracy: 0.97, testLoss: 0.09, testAccuracy: 0.97 },
        }),
        result({
          experiment: 'alexNet-256',
          plannedEpochs: 3,
          epochs: 3,
          images: 256,
          figures: { trainLoss: 2.3012, trainAccuracy: 0.11 },
          imagesPerSecond: 2,
        }),
        result({
          experiment: 'alexNetCifar',
          version: 'software',
          figures: { trainLoss: 0.3, trainAccuracy: 1 },
        }),
        result({ experiment: 'convNet', figures: { testAccuracy: 0.9749 } }),
      ],
    },
  ],
  python: [
    pythonResult(),
    pythonResult({ experiment: 'convNet', figures: { testAccuracy: 0.981 }, data: 'd2' }),
  ],
};

/** The cells of the line of an experiment's size. */
function line(table: string, name: string, size: string): string[] {
  const found = table
    .split('\n')
    .map((text) => text.split('|').map((cell) => cell.trim()))
    .find((cells) => cells[1] === name && cells[2]!.startsWith(`${size}:`));
  if (!found) throw new Error(`no ${name} ${size} in\n${table}`);
  return found.slice(1, -1);
}

function experiment(name: string) {
  return EXPERIMENTS.find((one) => one.name === name)!;
}

describe('the table', () => {
  const table = () => reproductionTable(keptRows(KEPT, 'Test Adapter'));

  test('has published figures, ours and Python’s, and what they must be', () => {
    expect(line(table(), 'leNetTanh', 'full')).toEqual([
      'leNetTanh',
      'full: 2 epochs of 48,000 images',
      'test loss 0.0718, test accuracy 0.9775',
      'test loss 0.0800, test accuracy 0.9751',
      'test loss 0.0745, test accuracy 0.9768, Keras, 2 epochs',
      'test accuracy at least 0.97',
      'reached',
      '5 min 00 s, 400 images/s',
    ]);
  });

  test('says what missed its bar, what was cut off, and where data differs', () => {
    const convNet = line(table(), 'convNet', 'full');
    expect(convNet[2]).toBe('(none printed)');
    expect(convNet[4]).toBe('test accuracy 0.9810, Keras, 2 epochs, other data');
    expect(convNet[6]).toBe('MISSED');
    const leNet5 = line(table(), 'leNet5', 'full');
    expect(leNet5[1]).toBe('full: 12 of 100 epochs of 48,000 images, cut off');
    expect(leNet5[6]).toBe('not yet');
    expect(line(table(), 'alexNet-256', 'full').slice(2, 7)).toEqual([
      'train loss 2.3000',
      'train loss 2.3012',
      '',
      'train loss 2.3 within 0.02',
      'reached',
    ]);
  });

  test('shows how a loss fell, where it must', () => {
    expect(line(table(), 'alexNetCifar', 'software').slice(3, 7)).toEqual([
      'loss from 0.5000 to 0.1000, train accuracy 1.0000',
      '',
      'loss falls, train accuracy at least 0.8',
      'reached',
    ]);
  });

  test('lists what did not run, with how long it takes here and on a GPU', () => {
    // 3 epochs of 60,000 images, and as many tests of 10,000, at 2 images/s.
    expect(line(table(), 'alexNet', 'full')[3]).toBe(
      'needs a GPU: about 26 h here, about 10 min on a GPU at 2 TFLOP/s (estimate)',
    );
    expect(line(table(), 'alexNetCifar', 'full')[3]).toMatch(
      /^needs a GPU: about \d+ h here, about \d+ min on a GPU at/,
    );
    expect(line(table(), 'leNet5', 'software')[3]).toMatch(/^not run: about \d+ min here, about/);
  });

  test('stands under the name of each adapter', () => {
    expect(keptTables(KEPT)).toContain('Test Adapter, 2 x CPU, Node 20\n\n| experiment');
  });
});

test.each<[Bar, number, boolean]>([
  [{ figure: 'testAccuracy', atLeast: 0.97 }, 0.97, true],
  [{ figure: 'testAccuracy', atLeast: 0.97 }, 0.9699, false],
  [{ figure: 'testAccuracy', atMost: 0.5 }, 0.5, true],
  [{ figure: 'testAccuracy', atMost: 0.5 }, 0.51, false],
  [{ figure: 'testAccuracy', near: 2.3, within: 0.02 }, 2.281, true],
  [{ figure: 'testAccuracy', near: 2.3, within: 0.02 }, 2.33, false],
  [{ figure: 'testAccuracy', atLeast: 0.97 }, NaN, false],
  [{ figure: 'trainLoss', atLeast: 0 }, 1, false], // not measured
])('%o of %f: %s', (bar, testAccuracy, expected) => {
  expect(meets([bar], { figures: { testAccuracy }, history: [] })).toBe(expected);
});

test('a loss falls from the first epoch to the last', () => {
  const { history } = result();
  expect(meets([{ lossFalls: true }], { figures: {}, history })).toBe(true);
  expect(meets([{ lossFalls: true }], { figures: {}, history: history.slice(0, 1) })).toBe(false);
});

test('what is no number meets no bar, read back from a file too', () => {
  for (const value of [NaN, JSON.parse('null') as number, Infinity]) {
    const result = {
      figures: { trainLoss: value },
      history: [{ loss: 6 }, { loss: value }] as ExperimentResult['history'],
    };
    expect(meets([{ figure: 'trainLoss', atMost: 1e9 }], result)).toBe(false);
    expect(meets([{ lossFalls: true }], result)).toBe(false);
  }
});

describe('how long it takes', () => {
  test('follows from steps, images and the rate that was measured', () => {
    const leNetTanh = experiment('leNetTanh');
    const work = workOf(leNetTanh, leNetTanh.versions.full);
    expect(work).toEqual({ steps: 2 * 94, trained: 96_000, assessed: 2 * 22_000 });
    expect(secondsAt(work, 400)).toBeCloseTo((96_000 + 44_000 / 3) / 400);
    expect(gpuSeconds(work, 1e9)).toBeCloseTo((2e9 * (3 * 96_000 + 44_000)) / 2e12);
    expect(gpuSeconds(work, 1)).toBeCloseTo(0.188);
  });

  test('counts multiply-adds as a summary does', () => {
    // LeNet-5: 28 * 28 * 6 * 26 + 10 * 10 * 16 * 151 + 401 * 120 + 121 * 84 + 85 * 10
    expect(multiplyAddsOf(experiment('leNet5'))).toBe(423_038);
  });

  test('is listed by adapter, another experiment’s rate where that is the one to go by', () => {
    const sizes = ['simpleConvNet', 'alexNet'].map((name) => {
      const one = experiment(name);
      return [one, 'full', one.versions.full] as const;
    });
    const table = durationTable(KEPT, sizes);
    expect(table.split('\n')[0]).toMatch(/\| Test Adapter +\| a GPU at 2 TFLOP\/s \(estimate\)/);
    expect(line(table, 'simpleConvNet', 'full')[3]).toBe('not measured');
    expect(line(table, 'alexNet', 'full').slice(2, 4)).toEqual(['128', 'about 26 h']);
  });
});
