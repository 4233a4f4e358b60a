/** What docs/tutorials/command-line.md tells to type, typed in its order. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project, ROOT } from '../support/builtPackage.js';
import { codeBlock, codeBlocks } from '../support/readme.js';
import { tinyCifar10 } from '../support/tinyCifar10.js';
import { writeTinyMnist } from '../support/tinyMnist.js';

const PAGE = 'docs/tutorials/command-line.md';

let project: Project;
beforeAll(() => {
  project = new Project({ gpu: true });
  for (const name of ['mnist', 'fashion-mnist']) {
    writeTinyMnist(project.path('data', name), 160, 32);
  }
  for (const [name, bytes] of Object.entries(tinyCifar10())) {
    project.write(`data/cifar10/${name}`, bytes);
  }
  project.write('settings.json', codeBlock('json', PAGE));
  fs.cpSync(path.join(ROOT, 'examples/digits'), project.path('examples/digits'), {
    recursive: true,
  });
});
afterAll(() => {
  project.remove();
});

test('the commands of the page run, one after the other', async () => {
  const lines = codeBlocks('sh', PAGE)
    .join('')
    .replaceAll('\\\n', '')
    .split('\n')
    .filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(8);
  for (const line of lines) {
    const [npx, name, ...args] = line.split(/ +/);
    expect([npx, name], line).toEqual(['npx', 'shadegrad']);
    const { code, stdout, stderr } = await project.run('node_modules/shadegrad/dist/cli.js', args, {
      SHADEGRAD_DATA: project.path('data'),
    });
    expect(code, `${line}\n${stderr}`).toBe(0);
    expect(stdout, line).not.toBe('');
  }
  expect(project.read('runs/classic/log.csv').trim().split('\n')).toHaveLength(5);
  // There may be no mistakes to draw.
  const files = project.files('runs/lenet5').filter((file) => file !== 'plots/mistakes.svg');
  expect(files).toEqual([
    ...['checkpoint.safetensors', 'config.json', 'history.json', 'log.csv'],
    'model.safetensors',
    ...['accuracy', 'architecture', 'confusion', 'features', 'filters-after', 'filters-before'].map(
      (name) => `plots/${name}.svg`,
    ),
    ...['images', 'loss', 'predictions'].map((name) => `plots/${name}.svg`),
    'report.html',
  ]);
  expect(project.files('pictures')).toEqual(['accuracy.svg', 'features.svg', 'loss.svg']);
}, 600_000);
