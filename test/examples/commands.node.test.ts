/** What the pages of docs/tutorials tell to type, typed in their order. */
import fs from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { evaluateCommand } from '../../src/cli/commands/evaluate.js';
import { gradcheckCommand } from '../../src/cli/commands/gradcheck.js';
import { infoCommand } from '../../src/cli/commands/info.js';
import { plotCommand } from '../../src/cli/commands/plot.js';
import { predictCommand } from '../../src/cli/commands/predict.js';
import { profileCommand } from '../../src/cli/commands/profile.js';
import { summaryCommand } from '../../src/cli/commands/summary.js';
import { trainCommand } from '../../src/cli/commands/train.js';
import { ROOT } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { ALL } from '../support/extent.js';
import { codeBlock, commands, TUTORIALS, typeCommands } from '../support/pages.js';
import { tinyCifar10 } from '../support/tinyCifar10.js';
import { writeTinyMnist } from '../support/tinyMnist.js';

const PROGRAM: Record<string, () => Command> = {
  ...{ evaluate: evaluateCommand, gradcheck: gradcheckCommand, info: infoCommand },
  ...{ plot: plotCommand, predict: predictCommand, profile: profileCommand },
  ...{ summary: summaryCommand, train: trainCommand },
};
const COMMAND_LINE = 'docs/tutorials/command-line.md';

const pages = TUTORIALS.filter((page) => commands(page).length > 0);

let project: QuickProject;
beforeAll(() => {
  project = new QuickProject({ gpu: true });
  for (const name of ['mnist', 'fashion-mnist']) {
    writeTinyMnist(project.path('data', name), 160, 32);
  }
  for (const [name, bytes] of Object.entries(tinyCifar10())) {
    project.write(`data/cifar10/${name}`, bytes);
  }
  project.write('settings.json', codeBlock('json', COMMAND_LINE));
  fs.cpSync(path.join(ROOT, 'examples/digits'), project.path('examples/digits'), {
    recursive: true,
  });
});
beforeEach(() => {
  // Each page starts from nothing.
  fs.rmSync(project.path('runs'), { recursive: true, force: true });
});
afterAll(() => {
  project.remove();
});

const type = (page: string) =>
  typeCommands(project, commands(page), { SHADEGRAD_DATA: project.path('data') });

test('there are pages with commands', () => {
  expect(pages).toEqual(
    expect.arrayContaining([
      COMMAND_LINE,
      'docs/tutorials/gradient-check.md',
      'docs/tutorials/seeing.md',
    ]),
  );
  expect(commands(COMMAND_LINE).length).toBeGreaterThan(8);
});

test.each(pages)('the commands of %s are understood', (page) => {
  for (const line of commands(page)) {
    const [npx, name, command, ...args] = line.split(/ +/);
    expect([npx, name], line).toEqual(['npx', 'shadegrad']);
    const { unknown } = PROGRAM[command!]!().exitOverride().parseOptions(args);
    expect(unknown, line).toEqual([]);
  }
});

// README's commands are typed each time; these train for half a minute.
if (ALL) {
  test('the commands of command-line.md run, and leave what it says', async () => {
    await type(COMMAND_LINE);
    expect(project.read('runs/classic/log.csv').trim().split('\n')).toHaveLength(5);
    // There may be no mistakes to draw.
    const files = project.files('runs/lenet5').filter((file) => file !== 'plots/mistakes.svg');
    expect(files).toEqual([
      ...['checkpoint.safetensors', 'config.json', 'history.json', 'log.csv'],
      'model.safetensors',
      ...[
        'accuracy',
        'architecture',
        'confusion',
        'features',
        'filters-after',
        'filters-before',
      ].map((name) => `plots/${name}.svg`),
      ...['images', 'loss', 'predictions'].map((name) => `plots/${name}.svg`),
      'report.html',
    ]);
    expect(project.files('pictures')).toEqual(['accuracy.svg', 'features.svg', 'loss.svg']);
  }, 600_000);

  test.each(pages.filter((page) => page !== COMMAND_LINE))(
    'the commands of %s run, one after the other',
    async (page) => {
      await type(page);
    },
    600_000,
  );
}
