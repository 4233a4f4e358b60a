import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { htmlReport, type ReportData } from '../../src/viz/index.js';
import { parseXml } from './helpers.js';

const BAD = '<script>alert("x")</script>';

const FULL: ReportData = {
  title: `Run ${BAD}`,
  model: BAD,
  dataset: BAD,
  createdAt: new Date('2026-01-31T12:00:30Z'),
  headline: {
    testAccuracy: 0.98765,
    testLoss: 0.043214,
    epochs: 2,
    trainingSeconds: 125,
    imagesPerSecond: 1234.5,
    parameters: 61706,
  },
  history: {
    epochs: [
      { epoch: 1, loss: 1, accuracy: 0.5 },
      { epoch: 2, loss: NaN, accuracy: 0.9 },
    ],
  },
  filters: {
    before: { data: [1, 2], shape: [2, 1, 1, 1] },
    after: { data: [2, 1], shape: [2, 1, 1, 1] },
    layer: BAD,
  },
  predictions: {
    images: { data: new Uint8Array(2), shape: [2, 1, 1, 1] },
    trueLabels: [0, 1],
    predictedLabels: [0, 0],
    confidences: [0.9, 0.8],
  },
  mistakes: {
    images: { data: new Uint8Array(1), shape: [1, 1, 1, 1] },
    trueLabels: [1],
    predictedLabels: [0],
    confidences: [0.99],
  },
  samples: { images: { data: new Uint8Array(2), shape: [2, 1, 1, 1] }, labels: [1, 0] },
  featureMaps: { maps: { data: [1, 2], shape: [2, 1, 1] }, layer: BAD },
  confusionMatrix: [
    [9, 1],
    [0, 10],
  ],
  classNames: ['cat', BAD],
  summary: {
    rows: [
      {
        name: BAD,
        type: BAD,
        outputShape: ['N', 6, 28, 28],
        parameters: 156,
        multiplyAdds: 122304,
      },
      { name: BAD, type: BAD, outputShape: ['N', 1], parameters: 156, repeated: true },
    ],
    graph: [
      { type: 'Input', outputShape: ['N', 1, 28, 28] },
      { type: BAD, outputShape: ['N', 9] },
    ],
    parameters: 156,
    trainableParameters: 100,
    buffers: 12,
    multiplyAdds: 714682664,
    inputBytes: 3136,
    activationBytes: 3953472,
    parameterBytes: 624,
    bufferBytes: 48,
    totalBytes: 248958000,
  },
  adapter: { vendor: BAD, architecture: '', description: 'SwiftShader', software: true },
  settings: { lr: 0.001, [BAD]: BAD, scheduler: null, absent: undefined },
  command: `train --name "${BAD}" \\\n  --epochs 2`,
};

/** All of the page but its doctype, void elements closed and styles left out: XML. */
function asXml(page: string): string {
  return page
    .trim()
    .replace(/^<!doctype html>/, '')
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/<meta ([^>]*?)\s*\/?>/g, '<meta $1 />');
}

const sections = (page: string): string[] =>
  [...page.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id!);

describe('htmlReport', () => {
  test('has every section, is well-formed and escapes every string', async () => {
    const page = await htmlReport(FULL);
    expect(page.startsWith('<!doctype html>')).toBe(true);
    expect(sections(page)).toEqual([
      'headline',
      'curves',
      'samples',
      'predictions',
      'mistakes',
      'confusion',
      'filters',
      'features',
      'architecture',
      'model',
      'settings',
      'command',
    ]);
    expect(page).not.toContain('<script');
    const { text } = parseXml(asXml(page));
    for (const shown of [
      '98.77 %',
      '0.04321',
      '2 min 05 s',
      '1,235',
      '61,706',
      '2026-01-31 12:00 UTC',
      '(N, 6, 28, 28)',
      'software',
      '1 of 2 right',
      '122,304',
      'shared',
      '714.68 M',
      '3.14 kB',
      '248.96 MB',
      '0.05 kB',
      '90.00 %',
      FULL.command!,
    ]) {
      expect(text).toContain(shown);
    }
    expect(text).not.toContain('absent');
    expect(text).not.toContain('architecture');
  });

  test('refers to nothing outside itself', async () => {
    const page = await htmlReport(FULL);
    const links = [...page.matchAll(/(?:href|src|url)\s*[=(]\s*"?([^")\s>]+)/g)].map(
      ([, to]) => to!,
    );
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect(link).toMatch(/^(#|data:image\/png;base64,)/);
    expect(page).not.toMatch(/@import|<link/);
  });

  test('has no two equal ids', async () => {
    const ids = [...(await htmlReport(FULL)).matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('leaves out what is absent', async () => {
    const page = await htmlReport({ title: 'Empty' });
    expect(sections(page)).toEqual([]);
    expect(parseXml(asXml(page)).text).toContain('Empty');
  });

  test.each(Object.keys(FULL).filter((key) => !['title', 'classNames'].includes(key)))(
    'with %s alone',
    async (key) => {
      const page = await htmlReport({ title: 'One', [key]: FULL[key as keyof ReportData] });
      // A summary is drawn and listed.
      expect(sections(page).length).toBeLessThanOrEqual(key === 'summary' ? 2 : 1);
      parseXml(asXml(page));
      expect(page).not.toMatch(/undefined|\[object/);
    },
  );

  test('leaves out empty parts: no figures, no epoch, no setting', async () => {
    const page = await htmlReport({
      title: 'Empty',
      headline: {},
      history: { epochs: [] },
      settings: {},
      adapter: { vendor: '' },
    });
    expect(sections(page)).toEqual([]);
  });

  test('refuses a page without a title', async () => {
    await expect(htmlReport({ title: ' ' })).rejects.toThrow(ArgumentError);
  });
});
