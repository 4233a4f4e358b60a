import fs from 'node:fs';
import path from 'node:path';
import type { DeviceInfo } from 'shadegrad';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';

let project: QuickProject;
beforeAll(() => {
  project = new QuickProject({ gpu: true });
});
afterAll(() => {
  project.remove();
});

const shadegrad = (...args: string[]) => project.shadegrad(...args);
const alone = (...args: string[]) => project.shadegradAlone(...args);

describe('help', () => {
  test('of the program names every command', async () => {
    const { code, stdout, stderr } = await alone('--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Usage: shadegrad /);
    for (const command of [
      ...['train', 'evaluate', 'predict', 'plot', 'summary', 'gradcheck', 'profile', 'info'],
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
  });

  test.each([
    [
      'train',
      [
        ...['--data', '--epochs', '--batch-size', '--optimizer', '--lr', '--schedule'],
        ...['--early-stopping', '--augment', '--seed', '--resume', '--out', '--config'],
      ],
    ],
    ['evaluate', ['--data', '--root', '--batch-size']],
    ['predict', ['--top', '--invert', '--center']],
    ['plot', [...['--out', '--layer', '--image', '--count', '--direction', '--root'], 'curves']],
    ['summary', ['--activation', '--pool']],
    ['gradcheck', ['--data', '--json', '--samples', '--activation']],
    ['profile', ['--batch', '--mode', '--repeat', '--trace', '--activation']],
    ['info', ['--json']],
  ])('of %s names its options and the global ones, and has examples', async (command, options) => {
    const { code, stdout, stderr } = await shadegrad(command, '--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain(`Usage: shadegrad ${command} [options]`);
    for (const option of [...options, '--help', '--debug']) expect(stdout).toContain(option);
    expect(stdout).toMatch(new RegExp(`^Examples?:\\n(?: .*\\n)*  shadegrad ${command} `, 'm'));
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('is printed, as an error, where there is no command', async () => {
    const { code, stdout, stderr } = await alone();
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^Usage: shadegrad /);
  });
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(await alone('--version')).toMatchObject({
    code: 0,
    stdout: `${version}\n`,
    stderr: '',
  });
});

describe('what is not understood ends with code 2 and one or two lines', () => {
  test.each([
    ['an unknown command', ['frobnicate'], "unknown command 'frobnicate'"],
    ['a misspelt command', ['trian', 'lenet5'], "unknown command 'trian'\n(Did you mean train?)"],
    ['an unknown option', ['train', 'lenet5', '--bogus'], "unknown option '--bogus'"],
    ['a missing argument', ['train'], "missing required argument 'model'"],
    ['one argument too many', ['info', 'x'], "too many arguments for 'info'"],
    ['no epochs', ['train', 'lenet5', '--epochs', '0'], 'Expected a whole number of 1 or more.'],
    ['half an epoch', ['train', 'lenet5', '--epochs', '1.5'], 'Expected a whole number of 1'],
    ['a negative rate', ['train', 'lenet5', '--lr', '-1'], 'Expected a number of 0 or more.'],
    ['a rate that is no number', ['train', 'lenet5', '--lr', 'fast'], "argument 'fast' is invalid"],
    ['a huge seed', ['train', 'lenet5', '--seed', '9'.repeat(20)], 'Expected a whole number'],
    ['an empty number', ['train', 'lenet5', '--momentum', ''], 'Expected a number of 0 or more.'],
    ['an activation that does not exist', ['train', 'lenet5', '--activation', 'softsign'], 'relu'],
    ['a pooling that does not exist', ['summary', 'lenet5', '--pool', 'min'], 'avg, max'],
    [
      'an optimizer that does not exist',
      ['train', 'lenet5', '--optimizer', 'x'],
      'adam, adamw, sgd',
    ],
    ['a data set that does not exist', ['evaluate', 'x', '--data', 'cifar'], 'choices are mnist'],
    ['a schedule that does not exist', ['train', 'mlp', '--schedule', 'sine'], 'step, multistep'],
    ['a number that a schedule lacks', ['train', 'mlp', '--schedule', 'step:n=1'], "not 'n'"],
    ['a number that is none', ['train', 'mlp', '--schedule', 'step:gamma=x'], 'key=number'],
    [
      'an augmentation that does not exist',
      ['train', 'mlp', '--augment', 'flip,warp'],
      'flip, vflip',
    ],
    ['an augmentation by too much', ['train', 'mlp', '--augment', 'flip:2'], 'p from 0 to 1'],
    ['a share of more than all', ['train', 'mlp', '--validation', '120%'], 'a share such as 20%'],
    ['no milestones', ['train', 'mlp', '--schedule', 'multistep'], 'multistep:milestones=10+20'],
    [
      'two numbers for one',
      ['train', 'mlp', '--schedule', 'step:gamma=1+2'],
      'one number for gamma',
    ],
    ['a value that nobody measures', ['train', 'mlp', '--monitor', 'valAcc'], 'valAccuracy, loss'],
    ['two sources of settings', ['train', '--config', 'a', '--resume', 'b'], 'cannot be used with'],
    ['a mode that does not exist', ['profile', 'lenet5', '--mode', 'test'], 'train, infer'],
    ['an empty batch', ['profile', 'lenet5', '--batch', '0'], 'whole number of 1 or more'],
    ['a count of no classes', ['predict', 'x', 'y', '--top', '0'], 'whole number of 1 or more'],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await shadegrad(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
  });
});

describe('summary', () => {
  test('is a table that ends in the number of parameters', async () => {
    const { code, stdout } = await alone('summary', 'lenet5');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Total parameters: 61,706$/m);
    expect(stdout).toMatch(/^Multiply-adds: 423,038$/m);
    expect(stdout).toMatch(/^features\.0 +Conv2d +\(1, 6, 28, 28\) +156 +122,304$/m);
    expect(stdout).toMatch(/^features\.2 +AvgPool2d /m);
  });

  test('shows the network with the options given', async () => {
    const args = ['summary', 'lenet5', '--activation', 'relu', '--pool', 'max'];
    const { stdout } = await shadegrad(...args);
    expect(stdout).toMatch(/^features\.1 +ReLU /m);
    expect(stdout).toMatch(/^features\.2 +MaxPool2d /m);
    expect(stdout).toMatch(/^Total parameters: 61,706$/m);
    expect(stdout).toMatch(/^Multiply-adds: 423,038$/m);
  });

  test('refuses a network that does not exist', async () => {
    const { code, stdout, stderr } = await shadegrad('summary', 'lenet6');
    expect([1, 2]).toContain(code);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: model: expected .*lenet5.*, got 'lenet6'.*\n$/);
  });
});

describe('info', () => {
  test('shows adapter, features and limits', async () => {
    const { code, stdout } = await alone('info');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Adapter +\S.*\((.+), (software|hardware)\)$/m);
    expect(stdout).toMatch(/^Features +\S/m);
    expect(stdout).toMatch(/^ +maxStorageBuffersPerShaderStage +\d+$/m);
    expect(stdout).toMatch(/^ +maxBufferSize +\d{1,3}(,\d{3})+$/m);
  });

  test('--json is JSON and nothing else', async () => {
    const { code, stdout } = await shadegrad('info', '--json');
    expect(code).toBe(0);
    const info = JSON.parse(stdout) as DeviceInfo;
    expect(info.features).toBeInstanceOf(Array);
    expect(info.software).toBeTypeOf('boolean');
    expect(info.limits.maxBufferSize).toBeGreaterThan(1e8);
  });
});
