import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';

let project: QuickProject;
beforeAll(() => {
  project = new QuickProject({ gpu: true });
});
afterAll(() => {
  project.remove();
});

const profile = (...args: string[]) => project.shadegrad('profile', 'mlp', ...args);

describe('profile', () => {
  test('shows the kernels of a training step, and what it takes', async () => {
    const { code, stdout } = await profile('--batch', '2', '--repeat', '1');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^adapter: \S/m);
    expect(stdout).toMatch(/^mlp, train, batch 2: mean of 1 runs$/m);
    expect(stdout).toMatch(/^kernel +calls +ms /m);
    expect(stdout).toMatch(/^crossEntropy\.backward +1 /m);
    expect(stdout).toMatch(/^JavaScript +\S+ ms$/m);
    expect(stdout).toMatch(/^images +\S+ a second$/m);
  });

  test('writes a trace, and nothing beside it', async () => {
    const args = ['--mode', 'infer', '--batch', '2', '--repeat', '1'];
    const trace = ['--trace', 'traces/mlp.json'];
    const { code, stdout } = await project.shadegradAlone('profile', 'mlp', ...args, ...trace);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/backward/);
    expect(stdout).toMatch(/^wrote traces\/mlp\.json$/m);
    expect(project.files('traces')).toEqual(['mlp.json']);
    const { traceEvents } = JSON.parse(project.read('traces/mlp.json')) as {
      traceEvents: { name: string; ph: string }[];
    };
    expect(traceEvents.filter(({ ph }) => ph === 'X').map(({ name }) => name)).toContain('run 1');
  });

  test('refuses a place where no trace can be written, before it measures', async () => {
    fs.writeFileSync(project.path('file'), '');
    const { code, stdout, stderr } = await profile('--trace', 'file/trace.json');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(errorOf(stderr)).toMatch(/^error: profile: expected a folder .*with --trace\.$/);
  });

  test('refuses options that a network has not', async () => {
    const { code, stderr } = await profile('--activation', 'relu');
    expect(code).toBe(1);
    expect(errorOf(stderr)).toMatch(/^error: mlp: expected options .*got 'activation'/);
  });
});
