import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { writeTinyMnist } from '../support/tinyMnist.js';

let project: QuickProject;
beforeAll(() => {
  project = new QuickProject({ gpu: true });
});
afterAll(() => {
  project.remove();
});

const gradcheck = (...args: string[]) => project.shadegrad('gradcheck', ...args);

interface Printed {
  model: string;
  passed: boolean;
  tolerance: number;
  rows: { layer: string; parameter: string; elements: number; passed: boolean }[];
}

describe('gradcheck', () => {
  test('prints a line for each parameter, and ends with code 0 where all agree', async () => {
    const { code, stdout } = await project.shadegradAlone('gradcheck', 'mlp', '--samples', '1');
    expect(stdout).toMatch(/^adapter: \S/m);
    expect(stdout).toMatch(/^mlp, 4 random images, 1 directions a kind$/m);
    expect(stdout).toMatch(/^Layer +Parameter +Shape +Elements /m);
    expect(stdout).toMatch(/^\(loss\) +input +\(4, 10\) +40 .* pass$/m);
    expect(stdout).toMatch(/^1 +weight +\(128, 784\) +100,352 .* pass$/m);
    expect(stdout).toMatch(/^All 5 agree: within 0.05 along the gradient, 0.25 across it/m);
    expect(code).toBe(0);
  });

  test('ends with code 1 where they do not', async () => {
    // Closer than the corners of ReLU allow, of which this seed has one on the way.
    const args = ['--samples', '1', '--tolerance', '1e-5', '--seed', '5'];
    const { code, stdout } = await gradcheck('mlp', ...args);
    expect(stdout).toMatch(/ FAIL$/m);
    expect(stdout).toMatch(/^\d+ of 5 differ by more than 0.00001 along the gradient/m);
    expect(code).toBe(1);
  });

  test('--json is JSON and nothing else; the same seed gives the same', async () => {
    const args = ['mlp', '--samples', '1', '--batch', '2', '--json', '--seed', '3'];
    const { code, stdout } = await gradcheck(...args);
    expect(code).toBe(0);
    const { model, passed, tolerance, rows } = JSON.parse(stdout) as Printed;
    expect({ model, passed, tolerance }).toEqual({ model: 'mlp', passed: true, tolerance: 0.05 });
    expect(rows.map(({ layer, parameter, elements }) => [layer, parameter, elements])).toEqual([
      ['(loss)', 'input', 20],
      ['1', 'weight', 100_352],
      ['1', 'bias', 128],
      ['4', 'weight', 1280],
      ['4', 'bias', 10],
    ]);
    expect((await gradcheck(...args)).stdout).toBe(stdout);
  });

  test('takes the images of MNIST', async () => {
    const root = project.path('mnist');
    writeTinyMnist(root);
    const args = ['--samples', '1', '--data', 'mnist', '--root', root];
    const { code, stdout } = await gradcheck('mlp', ...args);
    expect(stdout).toMatch(/^mlp, 4 mnist images/m);
    expect(stdout).toMatch(/^All 5 agree/m);
    expect(code).toBe(0);
  });

  test('refuses MNIST for a network that takes other images, options that a network has not, and a network that there is not', async () => {
    const wrong = await gradcheck('alexnetcifar', '--data', 'mnist');
    expect(wrong.code).toBe(1);
    expect(errorOf(wrong.stderr)).toBe(
      'error: gradcheck: expected a network for images of 1x28x28 with --data mnist, ' +
        'got alexnetcifar for 3x32x32. Leave --data out for random images.',
    );
    const without = await gradcheck('mlp', '--activation', 'relu');
    expect(without.code).toBe(1);
    expect(errorOf(without.stderr)).toMatch(/^error: mlp: expected options .*got 'activation'/);
    const unknown = await gradcheck('lenet6');
    expect(unknown.code).toBe(1);
    expect(errorOf(unknown.stderr)).toMatch(/^error: model: expected .*lenet5.*, got 'lenet6'/);
  });

  test.each([
    [['mlp', '--samples', '0'], 'whole number of 1 or more'],
    [['mlp', '--batch', '0'], 'whole number of 1 or more'],
    [['mlp', '--tolerance', '-1'], 'Expected a number of 0 or more'],
    [['mlp', '--data', 'cifar10'], 'choices are random, mnist'],
    [[], "missing required argument 'model'"],
  ])('does not understand %j', async (args, message) => {
    const { code, stdout, stderr } = await gradcheck(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  test('explains itself', async () => {
    const { code, stdout } = await gradcheck('--help');
    expect(code).toBe(0);
    const options = ['--batch', '--samples', '--tolerance', '--seed', '--data', '--json'];
    for (const option of options) expect(stdout).toContain(option);
    expect(stdout).toContain('Examples:\n  shadegrad gradcheck lenet5\n');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect((await project.shadegrad('--help')).stdout).toMatch(/^ {2}gradcheck /m);
  });
});
