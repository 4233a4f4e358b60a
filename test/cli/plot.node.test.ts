import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../src/data/safetensors.js';
import { errorOf } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { writeTinyMnist } from '../support/tinyMnist.js';
import { all, parseXml } from '../viz/helpers.js';

const ALL = [
  ...['accuracy.svg', 'architecture.svg', 'confusion.svg', 'features.svg', 'filters-after.svg'],
  ...['filters-before.svg', 'images.svg', 'loss.svg', 'mistakes.svg', 'predictions.svg'],
];

let project: QuickProject;
beforeAll(async () => {
  project = new QuickProject({ gpu: true });
  writeTinyMnist(project.path('tiny'));
  const quick = ['--root', 'tiny', '--epochs', '1', '--validation', '32', '--batch-size', '32'];
  // Learns too little to be right everywhere.
  const { code } = await project.shadegrad(
    ...['train', 'lenet5', '--activation', 'relu', '--pool', 'max', '--lr', '0.0003', ...quick],
    ...['--out', 'run'],
  );
  expect(code).toBe(0);
});
afterAll(() => {
  project.remove();
});

const svg = (file: string) => parseXml(project.read(file));
const count = (file: string, name: string): number => all(svg(file), name).length;

describe('plot', () => {
  test('draws all of a training, and says what it wrote', async () => {
    const { code, stdout } = await project.shadegrad('plot', 'run');
    expect(code).toBe(0);
    expect(project.files('run/plots')).toEqual(ALL);
    expect(stdout.trimEnd().split('\n').sort()).toEqual(
      ALL.map((file) => `wrote run/plots/${file}`),
    );
    expect(svg('run/plots/architecture.svg').text).toContain('61,706 parameters');
    expect(svg('run/plots/features.svg').text).toContain('features.0: 6 channels of 28 \u00d7 28');
    expect(count('run/plots/images.svg', 'image')).toBe(20);
    expect(count('run/plots/predictions.svg', 'image')).toBe(20);
    expect(count('run/plots/filters-before.svg', 'image')).toBe(6);
    const marks = (file: string) =>
      all(svg(file), 'g').flatMap(({ attributes }) => attributes['data-mark'] ?? []);
    expect(new Set(marks('run/plots/mistakes.svg'))).toEqual(new Set(['cross']));
    // The report has the same drawings: so the filters from before are those of the training.
    const report = project.read('run/report.html');
    expect(report).toContain('61,706');
    expect(JSON.parse(project.read('run/history.json'))).toMatchObject({
      settings: { activation: 'relu', pool: 'max' },
    });
    for (const same of ['architecture', 'confusion', 'filters-before', 'filters-after']) {
      expect(report).toContain(project.read(`run/plots/${same}.svg`));
    }
    const drawing = (file: string) => project.read(`run/plots/${file}.svg`).split('<image')[1];
    expect(drawing('filters-before')).not.toBe(drawing('filters-after'));
  });

  test('draws what is asked for, where and how', async () => {
    const { code, stdout } = await project.shadegrad(
      ...['plot', 'run', 'features', 'architecture', '--layer', 'features.3', '--image', '7'],
      ...['--direction', 'horizontal', '--out', 'elsewhere/svg'],
    );
    expect(code).toBe(0);
    expect(stdout).toBe('wrote elsewhere/svg/features.svg\nwrote elsewhere/svg/architecture.svg\n');
    expect(svg('elsewhere/svg/features.svg').text).toContain('features.3: 16 channels');
    const { width, height } = svg('elsewhere/svg/architecture.svg').attributes;
    expect(Number(width)).toBeGreaterThan(3 * Number(height));
  });

  test('shows as many images as asked for', async () => {
    const { code } = await project.shadegrad(
      ...['plot', 'run', 'images', 'predictions', '--count', '7', '--out', 'seven'],
    );
    expect(code).toBe(0);
    for (const file of ['images', 'predictions']) {
      expect(count(`seven/${file}.svg`, 'image')).toBe(7);
    }
  });

  test('leaves out what a network has not', async () => {
    const quick = ['--root', 'tiny', '--epochs', '1', '--batch-size', '32', '--out', 'dense'];
    expect((await project.shadegrad('train', 'mlp', ...quick)).code).toBe(0);
    const { code, stdout } = await project.shadegrad('plot', 'dense', 'filters', 'features');
    expect(code).toBe(0);
    expect(stdout).toBe('filters: nothing to draw\nfeatures: nothing to draw\n');
    expect(project.files('dense/plots')).toEqual([]);
  });

  test('draws the curves without a GPU', async () => {
    const { code, stderr } = await project.shadegradAlone(
      ...['plot', 'run', 'curves', '--out', 'curves'],
    );
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(project.files('curves')).toEqual(['accuracy.svg', 'loss.svg']);
  });

  test('refuses a layer, an image, a folder that there is not, in two lines', async () => {
    const refused = async (args: string[], message: RegExp) => {
      const { code, stderr } = await project.shadegrad('plot', ...args, '--out', 'none');
      expect(code).toBe(1);
      expect(errorOf(stderr)).toMatch(message);
      expect(errorOf(stderr).split('\n').length).toBeLessThanOrEqual(2);
      expect(project.files('none')).toEqual([]);
    };
    fs.mkdirSync(project.path('begun'));
    fs.copyFileSync(
      project.path('run/checkpoint.safetensors'),
      project.path('begun/checkpoint.safetensors'),
    );
    fs.cpSync(project.path('run'), project.path('damaged'), { recursive: true });
    project.write('damaged/history.json', '{ "epochs": [] }');
    fs.cpSync(project.path('run'), project.path('strange'), { recursive: true });
    const { tensors, metadata } = decodeSafetensors(
      fs.readFileSync(project.path('run/model.safetensors')),
    );
    const classNames = JSON.stringify(['no digit']);
    project.write(
      'strange/model.safetensors',
      encodeSafetensors(tensors, { ...metadata, classNames }),
    );
    await Promise.all([
      refused(['strange', 'predictions'], /plot: expected images of no digit, got those of 0, 1/),
      refused(['run', 'features', '--layer', 'features.9'], /expected layers of .*features\.5/),
      refused(
        ['run', 'filters', '--layer', 'features.1'],
        /a convolution: features\.0, features\.3/,
      ),
      refused(['run', 'features', '--image', '64'], /--image under 64, got 64/),
      refused(['nowhere'], /a folder with model\.safetensors and history\.json.*got nowhere/),
      refused(['begun'], /a training that has ended.*shadegrad train --resume begun/s),
      refused(['damaged', 'curves'], /history\.json.*expected epochs/),
    ]);
  });

  test('does not know other figures', async () => {
    const { code, stderr } = await project.shadegrad('plot', 'run', 'curve');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /curves, architecture, images, predictions, mistakes, filters, features/,
    );
  });
});
