/** One experiment from its data to its line in the table, on a few images. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as sg from 'shadegrad';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openDevice } from '../../src/gpu/device.js';
import { EXPERIMENTS } from '../../reproduce/experiments.js';
import { reproduce } from '../../reproduce/reproduce.js';
import { readKept } from '../../reproduce/results.js';
import { runPython } from '../../reproduce/python.js';
import { runExperiment, type Measured } from '../../reproduce/runner.js';
import { writeTinyMnist } from '../support/tinyMnist.js';
import { testAll } from '../support/extent.js';

let root = '';
let folder = '';
let lines: string[] = [];

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'reproduce-'));
  folder = path.join(root, 'results');
  lines = [];
  writeTinyMnist(path.join(root, 'mnist'), 80, 20);
  fs.mkdirSync(path.join(root, 'fashion-mnist'));
  vi.stubEnv('SHADEGRAD_DATA', root);
});

afterEach(() => {
  // A step begins, and frees the loss and the logits of the last one.
  sg.tidy(() => sg.ones([1], { requiresGrad: true }).sum().backward());
  vi.unstubAllEnvs();
  fs.rmSync(root, { recursive: true });
});

const run = (options: Parameters<typeof reproduce>[1]) =>
  reproduce(openDevice()!, { folder, log: (text) => lines.push(text), ...options });

describe('an experiment', () => {
  testAll('is trained, kept after each epoch, and shown', async () => {
    await run({ only: ['leNetTanh'], epochs: 2, quick: true });
    const { files } = readKept(folder);
    const [result, ...more] = files[0]!.results;
    expect(more).toEqual([]);
    expect(result).toMatchObject({
      experiment: 'leNetTanh',
      version: 'quick',
      seed: 1,
      finished: true,
      plannedEpochs: 2,
      epochs: 2,
      images: 64,
      validationImages: 16,
      testImages: 20,
    });
    expect(result!.data).toMatch(/^[0-9a-f]{64}$/);
    const { history, figures } = result!;
    expect(history.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(history[1]!.loss).toBeLessThan(history[0]!.loss);
    expect(history[1]!.valAccuracy).toBeGreaterThanOrEqual(0);
    expect(figures).toMatchObject({
      trainLoss: history[1]!.loss,
      testLoss: history[1]!.testLoss,
      testAccuracy: history[1]!.testAccuracy,
    });
    const text = lines.join('\n');
    expect(text).toMatch(/\| leNetTanh +\| quick: 2 epochs of 64 images +\| test loss 0\.0718/);
    expect(text).toMatch(/What did not run:\n.*\n.*\n\| leNetTanh +\| full: 2 epochs of 48,000/);
  });

  test('comes out the same from the same seed, and otherwise from another one', async () => {
    const losses: number[] = [];
    for (const seed of [3, 3, 4]) {
      await run({ only: ['leNetTanh'], epochs: 1, quick: true, seed });
      losses.push(readKept(folder).files[0]!.results[0]!.figures.testLoss!);
    }
    expect(losses[1]).toBe(losses[0]);
    expect(losses[2]).not.toBe(losses[0]);
  });

  test('gets its best weights back with early stopping', async () => {
    const [leNetTanh] = EXPERIMENTS;
    const earlyStopping = { patience: 1, minDelta: 10, restoreBestWeights: true };
    const version = { ...leNetTanh!.versions.quick!, epochs: 5, earlyStopping };
    const options = { seed: 1, log: () => undefined, onEpoch: () => Promise.resolve() };
    const measured = await runExperiment(leNetTanh!, version, options);
    // The first epoch counts as the best one, for no other is better by 10.
    expect(measured).toMatchObject({ finished: true, plannedEpochs: 5, epochs: 2, bestEpoch: 1 });
    expect(measured.figures.testLoss).toBe(measured.history[0]!.testLoss);
    expect(measured.figures.testLoss).not.toBe(measured.history[1]!.testLoss);
  });

  test('that is cut off has told what there was after each epoch', async () => {
    const [leNetTanh] = EXPERIMENTS;
    const told: [number, boolean, number][] = [];
    const onEpoch = ({ epochs, finished, figures }: Measured): Promise<void> => {
      told.push([epochs, finished, figures.testAccuracy!]);
      if (epochs === 2) throw new Error('cut off');
      return Promise.resolve();
    };
    const version = { ...leNetTanh!.versions.quick!, epochs: 3 };
    const options = { seed: 1, log: () => undefined, onEpoch };
    await expect(runExperiment(leNetTanh!, version, options)).rejects.toThrow('cut off');
    expect(told).toEqual([
      [1, false, expect.any(Number)],
      [2, false, expect.any(Number)],
    ]);
  });

  test('is not kept where that is not wanted', async () => {
    await run({ only: ['leNetTanh'], epochs: 1, quick: true, save: false });
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test('without its data says so by name, and the next one runs', async () => {
    const good = await run({ only: ['leNet5-fashion', 'leNetTanh'], epochs: 1, quick: true });
    expect(good).toBe(false);
    const text = lines.join('\n');
    expect(text).toMatch(/\| leNet5-fashion .*did not run: Fashion-MNIST: no train-images-idx3/);
    expect(text).toMatch(/^! leNet5-fashion: Fashion-MNIST: no train-images/m);
    expect(readKept(folder).files[0]!.results.map(({ experiment }) => experiment)).toEqual([
      'leNetTanh',
    ]);
  });

  test('that needs a GPU is listed with how long it takes', async () => {
    if (!openDevice()!.info.software) return;
    expect(await run({ only: ['alexNet'] })).toBe(true);
    expect(lines.join('\n')).toMatch(/needs a GPU: about \d+ min on a GPU at 2 TFLOP/);
  });
});

test('a network, its data and its program fit together', () => {
  for (const { name, network, side, data, python } of EXPERIMENTS) {
    const [channels, height] = sg.models.inputShapeOf(network.name, network.options);
    expect([channels, height], name).toEqual(data === 'cifar10' ? [3, 32] : [1, side ?? 28]);
    expect(fs.existsSync(path.join('reproduce', python)), python).toBe(true);
  }
});

test('a Python program that fails is refused by name, with the fix', async () => {
  const [experiment] = EXPERIMENTS;
  const broken = { ...experiment!, python: 'missing.py' };
  await expect(runPython(broken, 'quick', experiment!.versions.full, 1)).rejects.toThrow(
    /^missing\.py: expected a result, got .*requirements\.txt has what it needs\.$/,
  );
});

test.each([
  [['--only', 'leNet6'], /argument 'leNet6' is invalid\. Allowed choices are leNetTanh, /],
  [['--epochs', '0'], /Expected a whole number of 1 or more/],
  [['--quick', '--full'], /'--full' cannot be used with option '--quick'/],
])('the command refuses %j', (args, message) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/reproduce.mjs', ...args], {
    encoding: 'utf8',
  });
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});
