import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { lineChart, trainingCurves } from '../../src/viz/index.js';
import { all, parseXml, type XmlElement } from './helpers.js';

/** The paths that lines are drawn with: in a clip group, in the order of the series. */
function linePaths(svg: XmlElement): string[] {
  return all(svg, 'g')
    .filter((g) => g.attributes['clip-path'])
    .flatMap((g) => all(g, 'path').map((path) => path.attributes.d!));
}

/** How many strokes a path draws: a move that nothing follows draws none. */
const strokes = (d: string): number => d.match(/[LC]/g)?.length ?? 0;

describe('lineChart', () => {
  test('is well-formed, carries its texts and neither scripts nor style sheets', async () => {
    const svg = await lineChart({
      title: 'Loss',
      xLabel: 'epoch',
      yLabel: 'cross-entropy',
      series: [
        { name: 'train', y: [3, 2, 1] },
        { name: 'val', y: [3, 2.5, 2] },
      ],
    });
    const root = parseXml(svg);
    expect(root.name).toBe('svg');
    expect(root.attributes).toMatchObject({ viewBox: '0 0 560 360', 'aria-label': 'Loss' });
    for (const text of ['Loss', 'epoch', 'cross-entropy', 'train', 'val']) {
      expect(root.text).toContain(text);
    }
    for (const name of ['script', 'style', 'animate']) expect(all(root, name)).toEqual([]);
    expect(svg).not.toMatch(/ecmeta|class=|zr\d/);
  });

  test('escapes names', async () => {
    const bad = '<script>alert("&")</script>\u0001';
    const svg = await lineChart({
      title: bad,
      xLabel: bad,
      yLabel: bad,
      series: [
        { name: bad, y: [1, 2] },
        { name: 'b', y: [1, 2] },
      ],
    });
    expect(svg).not.toContain('<script');
    expect(parseXml(svg).text).toContain('<script>');
  });

  test('leaves a gap for NaN and infinities, and says so', async () => {
    const full = parseXml(await lineChart({ series: [{ name: 'a', y: [1, 2, 3, 4, 5, 6] }] }));
    const y = [1, 2, NaN, Infinity, 5, 6];
    const gap = parseXml(await lineChart({ series: [{ name: 'a', y }] }));
    expect(linePaths(full).map(strokes)).toEqual([5]);
    expect(linePaths(gap).map(strokes)).toEqual([2]);
    expect(gap.text).toContain('2 values are not finite, left out');
    expect(full.text).not.toContain('left out');
  });

  test('shows a single point as a point, also between gaps of a long line', async () => {
    const color = '#0072b2';
    const marks = (svg: string): number =>
      all(parseXml(svg), 'path').filter(
        (p) => p.attributes.transform && p.attributes.fill === color,
      ).length;
    expect(marks(await lineChart({ series: [{ name: 'a', y: [0.5] }] }))).toBe(1);
    const y = Array.from({ length: 100 }, (_, i) => (i === 49 || i === 51 ? NaN : i));
    expect(marks(await lineChart({ series: [{ name: 'a', y }] }))).toBe(1);
  });

  test('draws a frame when no value is finite', async () => {
    const svg = await lineChart({ series: [{ name: 'a', y: [NaN, NaN] }] });
    expect(parseXml(svg).text).toContain('no finite values');
  });

  test('the same data give the same text, other data other ids', async () => {
    const draw = (y: number[]) => lineChart({ series: [{ name: 'a', y }] });
    const [one, again, other] = [await draw([1, 2]), await draw([1, 2]), await draw([1, 3, 2])];
    expect(again).toBe(one);
    const id = (svg: string) => all(parseXml(svg), 'clipPath')[0]!.attributes.id;
    expect(id(other)).not.toBe(id(one));
  });

  test('a logarithmic axis leaves out what has no logarithm', async () => {
    const svg = await lineChart({ yScale: 'log', series: [{ name: 'a', y: [1, 0, 0.1, 0.01] }] });
    expect(parseXml(svg).text).toContain('1 value is not finite and positive');
  });

  test('refuses bad input', async () => {
    await expect(lineChart({ series: [] })).rejects.toThrow(ArgumentError);
    await expect(lineChart({ series: [{ name: 'a', x: [1], y: [1, 2] }] })).rejects.toThrow(
      'lineChart: expected as many y as x (1) in series "a", got (2,)',
    );
    await expect(lineChart({ series: [{ name: 'a', x: [NaN], y: [1] }] })).rejects.toThrow(
      'finite x in series "a", got NaN at index 0',
    );
    await expect(lineChart({ width: 0, series: [{ name: 'a', y: [1] }] })).rejects.toThrow(
      'a positive width',
    );
  });
});

describe('trainingCurves', () => {
  test('draws training and validation, accuracy in percent', async () => {
    const { loss, accuracy } = await trainingCurves({
      epochs: [
        { epoch: 1, loss: 2, valLoss: 2.1, accuracy: 0.5, valAccuracy: 0.4 },
        { epoch: 2, loss: 1, valLoss: 1.2, accuracy: 0.9, valAccuracy: 0.8 },
      ],
    });
    expect(parseXml(loss).text).toMatch(/training[\s\S]*validation/);
    expect(linePaths(parseXml(loss)).map(strokes)).toEqual([1, 1]);
    expect(parseXml(accuracy!).text).toContain('90 %');
  });

  test('one epoch, and NaN in it', async () => {
    const { loss, accuracy } = await trainingCurves({
      epochs: [{ epoch: 1, loss: NaN, accuracy: 0.1 }],
    });
    expect(parseXml(loss).text).toContain('no finite values');
    expect(linePaths(parseXml(accuracy!)).map(strokes)).toEqual([0]);
  });

  test('an epoch without validation is no gap', async () => {
    const epochs = [1, 2, 3].map((epoch) => ({
      epoch,
      loss: 1 / epoch,
      ...(epoch !== 2 && { valLoss: 2 / epoch }),
    }));
    const { loss } = await trainingCurves({ epochs });
    expect(linePaths(parseXml(loss)).map(strokes)).toEqual([2, 1]);
    expect(parseXml(loss).text).not.toContain('left out');
  });

  test('training follows the steps where there are some', async () => {
    const steps = [0.03125, 0.5, 0.75, 1].map((epoch) => ({ epoch, loss: 1 / epoch }));
    const { loss } = await trainingCurves({ epochs: [{ epoch: 1, loss: 2, valLoss: 1 }], steps });
    expect(linePaths(parseXml(loss)).map(strokes)).toEqual([3, 0]);
    expect(parseXml(loss).text, 'the axis begins at 0').not.toContain('0.03125');
  });

  test('has no accuracy chart without accuracy', async () => {
    const curves = await trainingCurves({ epochs: [{ epoch: 1, loss: 1 }] });
    expect(curves).not.toHaveProperty('accuracy');
  });

  test('refuses an empty history', async () => {
    await expect(trainingCurves({ epochs: [] })).rejects.toThrow(ArgumentError);
  });
});
