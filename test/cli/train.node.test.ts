import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../src/data/image.js';
import { errorOf, type Finished } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { tinyDigit, writeTinyMnist } from '../support/tinyMnist.js';

const RESULTS = [
  ...['checkpoint.safetensors', 'config.json', 'history.json', 'log.csv'],
  ...['model.safetensors', 'report.html'],
];
const TRAIN = [
  ...['train', 'mlp', '--root', 'tiny', '--epochs', '1', '--validation', '32'],
  ...['--batch-size', '32', '--lr', '0.01'],
];

const UNFINISHED = ['checkpoint.safetensors', 'config.json', 'log.csv'];

let project: QuickProject;
let trained: Finished;

beforeAll(async () => {
  project = new QuickProject({ gpu: true });
  writeTinyMnist(project.path('tiny'));
  trained = await project.shadegrad(...TRAIN, '--seed', '5', '--out', 'out/first');
});
afterAll(() => {
  project.remove();
});

const line = (text: string, start: string): string | undefined =>
  text.split('\n').find((candidate) => candidate.startsWith(start));

describe('train', () => {
  test('ends well, prints lines where there is no terminal, and leaves its files', () => {
    const { code, stdout } = trained;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^adapter: /);
    expect(stdout).toMatch(/^epoch 1\/1 {2}\d+% {2}loss \d/m);
    expect(stdout).toMatch(/^epoch 1\/1 {2}loss .* validation loss \d/m);
    expect(stdout).toMatch(/^final loss \d+\.\d+$/m);
    expect(stdout.includes('\u001b')).toBe(false);
    expect(project.files('out/first')).toEqual(RESULTS);
  });

  test('learns', () => {
    const [, accuracy] = /test accuracy ([\d.]+)%/.exec(trained.stdout)!;
    expect(Number(accuracy)).toBeGreaterThan(90);
  });

  test('writes files that fit what it printed', () => {
    const history = JSON.parse(project.read('out/first/history.json')) as {
      epochs: { loss: number; valAccuracy: number }[];
      steps: unknown[];
      test: { accuracy: number; loss: number };
      settings: Record<string, unknown>;
      command: string;
    };
    expect(trained.stdout).toContain(`final loss ${history.epochs.at(-1)!.loss}\n`);
    expect(trained.stdout).toContain(`test loss ${history.test.loss.toFixed(4)}`);
    expect(history.steps).toHaveLength(9);
    expect(history.settings).toMatchObject({ seed: 5, epochs: 1, 'batch size': 32 });
    expect(history.command).toBe(`shadegrad ${TRAIN.join(' ')} --seed 5 --out out/first`);

    const [header, row, ...rest] = project.read('out/first/log.csv').trimEnd().split('\n');
    expect(header).toBe('epoch,loss,accuracy,valLoss,valAccuracy,lr,seconds,examplesPerSecond');
    expect(row!.split(',').slice(0, 2)).toEqual(['1', String(history.epochs[0]!.loss)]);
    expect(rest).toEqual([]);

    const report = project.read('out/first/report.html');
    expect(report).toMatch(/^<!doctype html>/i);
    expect(report).toContain('101,770');
    expect(report).toContain('--seed 5');
    expect(report.match(/(?:src|href)="(?!data:|#)[^"]*"/g)).toBeNull(); // self-contained
  });

  test('gives the same loss to the last digit with the same seed, and another with another', async () => {
    const [again, other] = await Promise.all([
      project.shadegrad(...TRAIN, '--seed', '5', '--out', 'out/again'),
      project.shadegrad(...TRAIN, '--seed', '6', '--out', 'out/other'),
    ]);
    const loss = ({ stdout }: Finished) => line(stdout, 'final loss ');
    expect(loss(again)).toBe(loss(trained));
    expect(loss(other)).toMatch(/^final loss \d/);
    expect(loss(other)).not.toBe(loss(trained));
    const weights = (out: string) => fs.readFileSync(project.path(out, 'model.safetensors'));
    expect(weights('out/again').equals(weights('out/first'))).toBe(true);
    expect(weights('out/other').equals(weights('out/first'))).toBe(false);
  });
});

describe('evaluate', () => {
  test('prints the test accuracy that training printed', async () => {
    const { code, stdout } = await project.shadegrad(
      ...['evaluate', 'out/first/model.safetensors', '--data', 'mnist', '--root', 'tiny'],
    );
    expect(code).toBe(0);
    expect(stdout).toBe(`${line(trained.stdout, 'test accuracy ')!}  (64 images)\n`);
  });
});

describe('predict', () => {
  /** The digit as a PNG, `scale` times larger, and inverted if it is to be dark on light. */
  async function png(label: number, scale: number, dark: boolean): Promise<Uint8Array> {
    const side = 28 * scale;
    const pixels = tinyDigit(label);
    const data = Uint8Array.from({ length: side * side }, (_, i) => {
      const [row, column] = [Math.floor(i / side / scale), Math.floor((i % side) / scale)];
      const value = pixels[row * 28 + column]!;
      return dark ? 255 - value : value;
    });
    return encodePng({ width: side, height: side, channels: 1, data });
  }

  test('prints class and confidence of every image', async () => {
    project.write('three.png', await png(3, 1, false));
    project.write('large eight.png', await png(8, 7, true));
    const { code, stdout } = await project.shadegrad(
      ...['predict', 'out/first/model.safetensors', 'three.png', 'large eight.png'],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^three\.png: 3 \(\d+\.\d\d%\)\nlarge eight\.png: 8 \(\d+\.\d\d%\)\n$/);
  });

  test('--top lists the next classes too, the most probable first', async () => {
    project.write('one.png', await png(1, 3, false));
    const { stdout } = await project.shadegradAlone(
      ...['predict', 'out/first/model.safetensors', 'one.png', '--top', '3'],
    );
    expect(stdout).toMatch(/^one\.png: 1 \([\d.]+%\) {2}\d \([\d.]+%\) {2}\d \([\d.]+%\)\n$/);
    const shares = [...stdout.matchAll(/\(([\d.]+)%\)/g)].map(([, share]) => Number(share));
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
  });
});

describe('a run that ends early', () => {
  test('by two Ctrl-C leaves whole files or none', async () => {
    const endless = ['--epochs', '500', '--out', 'out/interrupted'];
    const run = project.startShadegrad([...TRAIN, ...endless]);
    await run.printed('epoch 2/500');
    run.kill('SIGINT');
    run.kill('SIGTERM');
    await run.finished;
    expect(project.files('out/interrupted').filter((name) => !name.endsWith('.tmp'))).toEqual(
      UNFINISHED,
    );
    expect(project.read('out/interrupted/log.csv')).toMatch(/^epoch,.*\n1,.*\n/);
  });

  test('by process.exit() in the middle of a write leaves no temporary file', async () => {
    project.write(
      'exit.js',
      "import { io } from 'shadegrad';\n" +
        "void io.writeFileAtomic('out/exit/big.bin', new Uint8Array(1 << 28));\n" +
        "import { readdirSync, mkdirSync } from 'node:fs';\n" +
        "mkdirSync('out/exit', { recursive: true });\n" +
        'setInterval(() => {\n' +
        "  if (readdirSync('out/exit').length > 0) process.exit(3);\n" +
        '});\n',
    );
    expect(await project.run('exit.js')).toMatchObject({ code: 3, stderr: '' });
    expect(project.files('out/exit')).toEqual([]);
  });

  test('by a loss that is no number says so', async () => {
    const { code, stderr } = await project.shadegrad(
      ...[...TRAIN, '--epochs', '9', '--optimizer', 'sgd', '--lr', '1e30', '--out', 'out/diverged'],
    );
    expect(code).toBe(1);
    expect(errorOf(stderr)).toBe(
      'error: train: expected a loss that stays finite, got NaN in epoch 1. Lower the learning rate with --lr.',
    );
    expect(project.files('out/diverged')).toEqual(['config.json', 'log.csv']);
  });

  test('by a file that cannot be written leaves no temporary file', async () => {
    fs.mkdirSync(project.path('out/blocked/log.csv/folder'), { recursive: true });
    const { code, stderr } = await project.shadegrad(...TRAIN, '--out', 'out/blocked');
    expect(code).toBe(1);
    expect(errorOf(stderr)).toMatch(/^error: train: cannot replace out\/blocked\/log\.csv: /);
    expect(project.files('out/blocked')).toEqual([]);
  });
});
