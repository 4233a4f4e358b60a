/** What README.md and CONTRIBUTING.md tell a newcomer to type, typed. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { codeBlock, commands, PAGES, typeCommands } from '../support/pages.js';
import { writeTinyMnist } from '../support/tinyMnist.js';

let project: QuickProject;
beforeAll(() => {
  project = new QuickProject({ gpu: true });
  writeTinyMnist(project.path('data/mnist'), 2048, 200);
  writeTinyMnist(project.path('less/mnist'), 320, 64);
  fs.cpSync(path.join(ROOT, 'examples/digits'), project.path('examples/digits'), {
    recursive: true,
  });
});
afterAll(() => {
  project.remove();
});

const dataIn = (folder: string) => ({ SHADEGRAD_DATA: project.path(folder) });

describe("README's ten lines", () => {
  test('are about ten', () => {
    const code = codeBlock('js')
      .split('\n')
      .filter((line) => /\w/.test(line));
    expect(code.length).toBeLessThan(18);
  });

  test('train a network', async () => {
    project.write('tenLines.js', codeBlock('js'));
    const { code, stdout } = await project.program('tenLines.js', dataIn('data'));
    expect(code).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(0.9);
    expect(Number(stdout)).toBeLessThanOrEqual(1);
  });
});

describe("README's commands", () => {
  test('run, once something is trained', async () => {
    const train = ['train', 'lenet5', '--activation', 'relu', '--pool', 'max', '--epochs', '1'];
    const args = [...train, '--validation', '64'];
    const trained = await project.begin(args, dataIn('less')).finished;
    expect(trained.code).toBe(0);

    const lines = commands('README.md').filter((line) => line.startsWith('npx shadegrad '));
    expect(lines.length).toBeGreaterThan(3);
    await typeCommands(project, lines, dataIn('less'));
  });

  test.each(['README.md', 'CONTRIBUTING.md'])('of npm in %s are scripts that exist', (file) => {
    const { scripts } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...PAGES[file]!.matchAll(/npm (?:run ([\w:-]+)|(start|test)\b)/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, run, known] of named) expect(Object.keys(scripts)).toContain(run ?? known);
  });

  test.each(['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md'])(
    'links in %s lead somewhere',
    (file) => {
      for (const [, target] of PAGES[file]!.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
        expect(fs.existsSync(path.join(ROOT, target!)), target).toBe(true);
      }
    },
  );
});
