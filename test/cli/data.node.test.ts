/** Trainings on other data sets than MNIST, and settings from a file. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../src/data/image.js';
import { errorOf } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { tinyCifar10 } from '../support/tinyCifar10.js';
import { tinyDigit, writeTinyMnist } from '../support/tinyMnist.js';

let project: QuickProject;
beforeAll(() => {
  project = new QuickProject({ gpu: true });
  writeTinyMnist(project.path('tiny'), 160, 32);
  for (const [name, bytes] of Object.entries(tinyCifar10())) project.write(`cifar/${name}`, bytes);
});
afterAll(() => {
  project.remove();
});

interface Stored {
  settings: Record<string, unknown>;
  test: { accuracy: number };
  steps: { loss: number }[];
}
const historyOf = (folder: string): Stored =>
  JSON.parse(project.read(`${folder}/history.json`)) as Stored;

test('cifar10: colours, augmentation, a network that fits itself', async () => {
  const { code, stderr } = await project.shadegrad(
    ...['train', 'simpleconvnet', '--data', 'cifar10', '--root', 'cifar', '--epochs', '1'],
    ...['--augment', 'flip,crop:4,jitter,cutout:6', '--validation', '20%', '--out', 'colours'],
  );
  expect(code, stderr).toBe(0);
  expect(historyOf('colours').settings).toMatchObject({
    data: 'cifar10',
    augmentation: 'flip,crop:4,jitter,cutout:6',
  });
  const evaluated = await project.shadegrad(
    ...['evaluate', 'colours/model.safetensors', '--root', 'cifar'],
  );
  expect(evaluated.stdout).toContain(
    `test accuracy ${(100 * historyOf('colours').test.accuracy).toFixed(2)}%`,
  );
});

test('other classes than the network knows are refused', async () => {
  const trained = ['train', 'mlp', '--root', 'tiny', '--epochs', '1', '--out', 'digits'];
  expect((await project.shadegrad(...trained)).code).toBe(0);
  // The images of the training, though nobody says where they are.
  const { stdout } = await project.shadegradAlone('evaluate', 'digits/model.safetensors');
  expect(stdout).toMatch(/\(32 images\)$/m);
  const clothes = ['evaluate', 'digits/model.safetensors', '--data', 'fashion-mnist'];
  const { code, stderr } = await project.shadegrad(...clothes, '--root', 'tiny');
  expect(code).toBe(1);
  expect(errorOf(stderr)).toMatch(/expected images of 0, 1, 2.*, got those of T-shirt/);
});

test('images of other channels than the network has are refused', async () => {
  const { code, stderr } = await project.shadegrad(
    ...['train', 'mlp', '--data', 'cifar10', '--root', 'cifar', '--out', 'refused'],
  );
  expect(code).toBe(1);
  expect(errorOf(stderr)).toBe(
    'error: mlp: expected images of 1 channels, got 3. Choose another network, or other data.',
  );
  expect(project.files('refused')).toEqual([]);
});

describe('folder', () => {
  test('its classes are learnt, tested on a part of it, and named', async () => {
    for (let i = 0; i < 60; i++) {
      const name = ['heart', 'spade', 'club'][i % 3]!;
      const pixels = tinyDigit(i % 3, 155 + i);
      project.write(
        `cards/${name}/${i}.png`,
        await encodePng({ width: 28, height: 28, channels: 1, data: pixels }),
      );
    }
    const { code, stderr } = await project.shadegrad(
      ...['train', 'mlp', '--data', 'folder', '--root', 'cards', '--epochs', '6'],
      ...['--batch-size', '8', '--lr', '0.01', '--normalize', '0-1', '--out', 'trained'],
    );
    expect(code, stderr).toBe(0);
    expect(historyOf('trained').test.accuracy).toBe(1);
    const { stdout } = await project.shadegrad(
      ...['predict', 'trained/model.safetensors', 'cards/spade/1.png'],
    );
    expect(stdout).toMatch(/^cards\/spade\/1\.png: spade \(\d+\.\d\d%\)\n$/);
    const evaluated = await project.shadegrad(
      ...['evaluate', 'trained/model.safetensors', '--root', 'cards'],
    );
    expect(evaluated.stdout).toMatch(/^test accuracy 100\.00% .*\(12 images\)$/m);
  });

  test('without images is refused', async () => {
    const { code, stderr } = await project.shadegrad('train', 'lenet5', '--data', 'folder');
    expect(code).toBe(1);
    expect(errorOf(stderr)).toMatch(/--data folder: expected --root with the folder of the images/);
  });
});

describe('--config', () => {
  const base = ['train', '--config', 'settings.json', '--out'];

  test('has the settings; the command line wins, and a run’s own file repeats it', async () => {
    const settings = {
      ...{ model: 'mlp', options: { dropout: 0.4 }, data: 'fashion-mnist', root: 'tiny' },
      ...{ epochs: 2, batchSize: 16, validation: '10%', optimizer: 'rmsprop', schedule: 'step' },
    };
    project.write('settings.json', JSON.stringify(settings));
    expect((await project.shadegrad(...base, 'first', '--epochs', '1')).code).toBe(0);
    expect(historyOf('first').settings).toMatchObject({
      ...{
        epochs: 1,
        optimizer: 'rmsprop',
        dropout: 0.4,
        'batch size': 16,
        schedule: 'step:stepSize=1',
      },
      'validation images': 16,
    });
    project.write('placed.json', JSON.stringify({ ...settings, epochs: 1, out: 'placed' }));
    expect((await project.shadegrad('train', '--config', 'placed.json')).code).toBe(0);
    expect(project.files('placed')).toEqual(project.files('first'));
    const again = ['train', '--config', 'first/config.json', '--out', 'second'];
    expect((await project.shadegrad(...again)).code).toBe(0);
    expect(historyOf('second').steps).toEqual(historyOf('first').steps);
  });

  test.each([
    ['{', /settings\.json: expected JSON/],
    ['[1]', /settings\.json: expected a JSON object/],
    [
      '{ "model": "mlp", "epoch": 3 }',
      /settings\.json: expected settings of .*epochs.*got 'epoch'/,
    ],
    ['{ "model": "mlp", "epochs": 0 }', /settings\.json: epochs 0: Expected a whole number of 1/],
    ['{ "model": "mlp", "data": "imagenet" }', /settings\.json: data "imagenet": Allowed choices/],
    ['{ "model": "mlp", "mixedPrecision": 1 }', /expected true or false for mixedPrecision/],
    ['{ "model": "mlp", "options": "relu" }', /expected an object of the options of the network/],
    ['{ "model": "mlp", "options": { "pool": "max" } }', /mlp: expected options of .*, got 'pool'/],
    [
      '{ "model": "mlp", "root": "tiny", "validation": 0, "earlyStopping": 3 }',
      /expected images to measure valLoss on, got none/,
    ],
  ])('%s is refused', async (text, message) => {
    project.write('settings.json', text);
    const { code, stderr } = await project.shadegrad(...base, 'none');
    expect(code).toBe(1);
    expect(errorOf(stderr)).toMatch(message);
    expect(project.files('none')).toEqual([]);
  });
});
