/** Trainings that end before their time, and go on. */
import fs from 'node:fs';
import * as sg from 'shadegrad';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { errorOf, type Finished } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { ALL, testAll, unlessAll } from '../support/extent.js';
import { uniform } from '../support/random.js';
import { writeTinyMnist } from '../support/tinyMnist.js';

const EPOCHS = unlessAll(5, 8);

/** A training with all that has a state: dropout, augmentation, a schedule, early stopping. */
const TRAIN = [
  ...['train', 'mlp', '--root', 'tiny', '--validation', '20%', '--batch-size', '16'],
  ...[
    '--epochs',
    `${EPOCHS}`,
    '--schedule',
    'cosine',
    '--early-stopping',
    '6',
    '--augment',
    'crop:2',
  ],
  ...['--checkpoint-every', '5'],
];
/** What it prints after its first epoch. */
const EPOCH = `epoch 1/${EPOCHS}  loss`;

// Each test starts many processes, which wait for each other on a machine with much to do.
vi.setConfig({ testTimeout: 600_000 });

let project: QuickProject;
let whole: Finished;
/** Milliseconds that the undisturbed run took, and those of it after its first epoch. */
let duration: number;
let afterEpoch: number;

beforeAll(async () => {
  project = new QuickProject({ gpu: true });
  writeTinyMnist(project.path('tiny'));
  const started = performance.now();
  const run = project.begin([...TRAIN, '--out', 'whole']);
  await run.printed(EPOCH);
  const learnt = performance.now();
  whole = await run.finished;
  duration = performance.now() - started;
  afterEpoch = performance.now() - learnt;
});
afterAll(() => {
  project.remove();
});

const bytesOf = (file: string): Buffer => fs.readFileSync(project.path(file));

/** Expects files to be whole or not there at all. */
function expectWholeFiles(folder: string): void {
  for (const name of project.files(folder)) {
    // Never under a name that anybody reads; and what keeps others out, of a process that is gone.
    if (/^\.[\w.]+\.\d+-\w+\.tmp$/.test(name) || name === '.lock') continue;
    const file = `${folder}/${name}`;
    if (name.endsWith('.json')) expect(JSON.parse(project.read(file))).toBeInstanceOf(Object);
    else if (name === 'checkpoint.safetensors') {
      expect(sg.train.trainingValuesIn(bytesOf(file)).updates).toBeGreaterThan(0);
    } else if (name === 'model.safetensors') {
      expect(sg.io.safetensorsMetadata(bytesOf(file))).toMatchObject({ model: 'mlp' });
    } else if (name === 'log.csv')
      expect(project.read(file)).toMatch(/^(?:[^\n]+,\d[\d.e+-]*\n|epoch.*\n)+$/);
    else if (name === 'report.html') expect(project.read(file)).toMatch(/<\/html>\s*$/);
    else throw new Error(`a file that nobody knows: ${file}`);
  }
}

/** A log without the clock's columns. */
const timeless = (file: string): string => project.read(file).replace(/,[^,\n]*,[^,\n]*$/gm, '');

function expectAsUndisturbed(folder: string): void {
  expect(bytesOf(`${folder}/model.safetensors`)).toEqual(bytesOf('whole/model.safetensors'));
  expect(timeless(`${folder}/log.csv`)).toBe(timeless('whole/log.csv'));
  expect(project.files(folder)).toEqual(project.files('whole'));
}

test('the undisturbed run ends well', () => {
  expect(whole.code).toBe(0);
  expect(timeless('whole/log.csv').trim().split('\n')).toHaveLength(1 + EPOCHS);
});

/** When a training is killed: so many milliseconds after it has printed a text, or after its start. */
function* moments(): Generator<[text: string, delay: number]> {
  const shares = uniform(ALL ? 20 : 1, Date.now() % 2 ** 31, 0, 1);
  if (ALL) for (const share of shares) yield ['', share * duration];
  else yield [EPOCH, shares[0]! * afterEpoch]; // where there is something to go on with
}

test('killed at random moments and resumed: the same weights, bit for bit, and whole files', async () => {
  let withCheckpoint = 0;
  for (const [text, delay] of moments()) {
    const out = 'killed';
    const run = project.startShadegrad([...TRAIN, '--out', out]);
    await run.printed(text);
    const timer = setTimeout(() => run.kill('SIGKILL'), delay);
    await run.finished;
    clearTimeout(timer);
    expectWholeFiles(out);
    const isBegun = fs.existsSync(project.path(out, 'checkpoint.safetensors'));
    if (isBegun) withCheckpoint++;
    // With all its arguments where a kill may have left nothing to go on with.
    const resumed =
      isBegun && withCheckpoint % 2 === 1
        ? await project.shadegrad('train', '--resume', out)
        : await project.shadegrad(...TRAIN, '--out', out, '--resume');
    const moment = `killed ${delay} ms after '${text}'`;
    expect(resumed.code, `${moment}:\n${resumed.stderr}`).toBe(0);
    expectAsUndisturbed(out);
    fs.rmSync(project.path(out), { recursive: true });
  }
  // A kill that leaves none tests little. Of 20, all early: once in millions of runs.
  expect(withCheckpoint).toBeGreaterThan(0);
}, 1_800_000);

describe('Ctrl-C', () => {
  test('finishes the batch, saves, says how to go on, and going on ends as if nothing had been', async () => {
    const run = project.startShadegrad([...TRAIN, '--out', 'broken']);
    await run.printed(`epoch 2/${EPOCHS}`);
    const beside = await project.shadegrad(...TRAIN, '--out', 'broken', '--overwrite');
    expect(beside.code).toBe(1);
    expect(errorOf(beside.stderr)).toMatch(/no training under way in broken, got process \d+/);
    run.kill('SIGINT');
    const { code, stdout, stderr } = await run.finished;
    expect(code).toBe(130);
    expect(stderr).toContain('finishing the batch');
    expect(stdout).toMatch(/^interrupted\. Go on with: shadegrad train --resume broken$/m);
    expect(project.files('broken')).toEqual(['checkpoint.safetensors', 'config.json', 'log.csv']);

    const again = await project.shadegrad(...TRAIN, '--out', 'broken');
    expect(again.code).toBe(1);
    expect(errorOf(again.stderr)).toMatch(/no unfinished training in broken, got one\. Go on with/);
    const other = await project.shadegrad('train', '--resume', 'broken', '--lr', '0.5');
    expect(other.code).toBe(1);
    expect(errorOf(other.stderr)).toMatch(
      /expected --lr 0\.001, as in broken.config\.json, got 0\.5/,
    );

    const resumed = await project.shadegrad('train', '--resume', 'broken');
    expect(resumed.code).toBe(0);
    expect(resumed.stdout).toMatch(new RegExp(`^resuming after [1-4] of ${EPOCHS} epochs`, 'm'));
    expectAsUndisturbed('broken');
    const { command } = JSON.parse(project.read('broken/history.json')) as { command: string };
    expect(command).toBe('shadegrad train --config broken/config.json --out broken');
  });
});

describe('--resume', () => {
  testAll('of a finished training goes on for more epochs, interrupted or not', async () => {
    const args = [...TRAIN, '--out', 'short'];
    args[args.indexOf('--epochs') + 1] = '2';
    args[args.indexOf('--schedule') + 1] = 'step';
    expect((await project.shadegrad(...args)).code).toBe(0);
    const longer = project.begin(['train', '--resume', 'short', '--epochs', '20']);
    await longer.printed('epoch 3/20');
    longer.kill('SIGTERM');
    const { code, stdout } = await longer.finished;
    expect(code).toBe(143);
    expect(stdout).toMatch(/^resuming after 2 of 20 epochs$/m);
    expect(project.files('short')).not.toContain('history.json');

    const fewer = await project.shadegrad('train', '--resume', 'short', '--epochs', '2');
    expect(errorOf(fewer.stderr)).toMatch(
      /train --resume: expected --epochs of \d+ or more, got 2/,
    );
    const settings = JSON.parse(project.read('short/config.json')) as object;
    expect(settings).toMatchObject({ epochs: 20, schedule: 'step:stepSize=1' });
    project.write(
      'short/config.json',
      JSON.stringify({ ...settings, epochs: 12, schedule: 'step:stepSize=1' }),
    );
    const ended = await project.shadegrad('train', '--resume', 'short');
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/^resuming after \d+ of 12 epochs/m);

    const again = await project.shadegrad('train', '--resume', 'short');
    expect(again.stdout).toMatch(/^(?:ended early after \d+ epochs|resuming after 12 of 12)/m);
    expect(again.code).toBe(0);

    writeTinyMnist(project.path('other'), 200);
    const kept = ['history.json', 'config.json'].map((name) => project.read(`short/${name}`));
    const strange = await project.shadegrad('train', '--resume', 'short', '--root', 'other');
    expect(strange.code).toBe(1);
    expect(errorOf(strange.stderr)).toMatch(/a checkpoint of examples 160, got one of 256/);
    expect(['history.json', 'config.json'].map((name) => project.read(`short/${name}`))).toEqual(
      kept,
    );

    fs.rmSync(project.path('short/checkpoint.safetensors'));
    const without = await project.shadegrad('train', '--resume', 'short', '--epochs', '50');
    expect(without.code).toBe(1);
    expect(errorOf(without.stderr)).toMatch(
      /checkpoint\.safetensors to go on from, got results alone/,
    );
    expect(project.files('short')).toContain('model.safetensors');
  });

  test('of a folder with nothing begins there, and says so', async () => {
    const args = ['train', 'mlp', '--root', 'tiny', '--epochs', '1'];
    const { code, stdout } = await project.shadegrad(...args, '--resume', 'fresh');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^nothing to go on with in fresh: beginning$/m);
    const other = await project.shadegrad('train', '--resume', 'fresh', '--out', 'elsewhere');
    expect(errorOf(other.stderr)).toMatch(/expected one folder, fresh, got --out elsewhere/);
  });

  test('of what is no training is refused', async () => {
    const { code, stderr } = await project.shadegrad('train', '--resume', 'nowhere');
    expect(code).toBe(1);
    expect(errorOf(stderr)).toMatch(/^error: cannot read .*nowhere.config\.json: no such file/);
    expect(fs.existsSync(project.path('nowhere'))).toBe(false);
  });
});
