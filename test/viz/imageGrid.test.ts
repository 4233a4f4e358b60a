import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { ArgumentError, ShapeError } from '../../src/errors.js';
import { filterGrids, imageGrid, predictionCards, predictionGrid } from '../../src/viz/index.js';
import { all, parseXml, pngBytes } from './helpers.js';

/** The pixels of each embedded image, [red, green, blue] each. */
function pixels(svg: string): number[][][] {
  return all(parseXml(svg), 'image').map(({ attributes }) => {
    const { data, channels } = decode(pngBytes(attributes.href!));
    expect(channels).toBe(3);
    return Array.from({ length: data.length / 3 }, (_, i) => [...data.slice(3 * i, 3 * i + 3)]);
  });
}

const grey = (v: number): number[] => [v, v, v];

describe('imageGrid', () => {
  test('bytes are drawn as they are, crisp', async () => {
    const svg = await imageGrid({ data: Uint8Array.of(0, 7, 128, 255), shape: [1, 1, 2, 2] });
    expect(pixels(svg)).toEqual([[0, 7, 128, 255].map(grey)]);
    expect(all(parseXml(svg), 'image')[0]!.attributes.style).toContain('pixelated');
  });

  test('colour images take their channels from planes', async () => {
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6);
    expect(pixels(await imageGrid({ data, shape: [1, 3, 1, 2] }))).toEqual([
      [
        [1, 3, 5],
        [2, 4, 6],
      ],
    ]);
  });

  test.each([
    ['common', [0, 64, 128, 255]],
    ['each', [0, 255, 0, 255]],
    ['symmetric', [128, 159, 191, 255]],
    [{ min: 0, max: 8 }, [0, 32, 64, 128]],
  ] as const)('scale %j', async (scale, expected) => {
    const images = { data: [0, 1, 2, 4], shape: [2, 1, 1, 2] };
    const got = pixels(await imageGrid(images, { scale })).flat();
    got.forEach((pixel, i) => expect(Math.abs(pixel[0]! - expected[i]!)).toBeLessThanOrEqual(1));
  });

  test('NaN is magenta, a constant image is mid grey', async () => {
    const images = { data: Float32Array.of(NaN, 3), shape: [1, 1, 1, 2] };
    expect(pixels(await imageGrid(images))).toEqual([[[255, 0, 255], grey(128)]]);
  });

  test('images stand in rows of `columns`, with escaped captions', async () => {
    const images = { data: new Uint8Array(6), shape: [6, 1, 1, 1] };
    const captions = ['<script>', 'b', 'c', 'd', 'e', 'f'];
    const svg = await imageGrid(images, { columns: 4, captions });
    const places = all(parseXml(svg), 'g')
      .map((g) => /translate\(([\d.]+) ([\d.]+)\)/.exec(g.attributes.transform ?? ''))
      .filter((match) => match !== null);
    expect(new Set(places.map(([, x]) => x)).size).toBe(4);
    expect(new Set(places.map(([, , y]) => y)).size).toBe(2);
    expect(svg).not.toContain('<script>');
    expect(parseXml(svg).text).toContain('<script>');
  });

  test('refuses bad shapes, lists and sizes', async () => {
    const images = { data: new Uint8Array(8), shape: [2, 1, 2, 2] };
    const refused = (promise: Promise<unknown>, error: unknown) =>
      expect(promise).rejects.toThrow(error as string);
    await refused(imageGrid({ ...images, shape: [2, 2, 2] }), ShapeError);
    await refused(imageGrid({ ...images, shape: [1, 2, 2, 2] }), 'Select one channel or three');
    await refused(imageGrid({ ...images, shape: [3, 1, 2, 2] }), '12 values');
    await refused(imageGrid({ data: [], shape: [0, 1, 2, 2] }), ShapeError);
    await refused(imageGrid(images, { captions: ['a'] }), '2 captions');
    await refused(imageGrid(images, { columns: 0 }), ArgumentError);
    await refused(imageGrid(images, { cellSize: -1 }), ArgumentError);
    await refused(imageGrid(images, { scale: { min: 1, max: 1 } }), ArgumentError);
  });
});

describe('filterGrids', () => {
  test('both sides have one scale, symmetrical about zero', async () => {
    const before = { data: [0, 1, -1, 0], shape: [1, 1, 2, 2] };
    const after = { data: [0, 1, -4, 2], shape: [1, 1, 2, 2] };
    const grids = await filterGrids({ before, after, colors: 'grey' });
    expect(grids.limit).toBe(4);
    const [first, second] = [pixels(grids.before!)[0]!, pixels(grids.after)[0]!];
    expect(first[0]).toEqual(grey(128));
    expect(first[1]).toEqual(second[1]);
    expect(second[2]).toEqual(grey(0));
    for (const svg of [grids.before!, grids.after]) {
      expect(parseXml(svg).text).toMatch(/\u22124[\s\S]*0[\s\S]*4/);
    }
  });

  test('diverging: zero is white, the signs have two colours', async () => {
    const { after } = await filterGrids({ after: { data: [0, 1, -1], shape: [3, 1, 1, 1] } });
    const [zero, plus, minus] = pixels(after).map(([pixel]) => pixel!);
    expect(zero).toEqual(grey(255));
    expect(plus![2]).toBeGreaterThan(plus![0]!); // blue
    expect(minus![0]).toBeGreaterThan(minus![2]!); // orange
  });

  test('three channels make one colour image, others one image a plane', async () => {
    const after = (c: number) => ({ data: new Float32Array(4 * c), shape: [4, c, 1, 1] });
    expect(pixels((await filterGrids({ after: after(3) })).after)).toHaveLength(4);
    expect(pixels((await filterGrids({ after: after(6) })).after)).toHaveLength(24);
  });

  test('refuses two shapes', async () => {
    const after = { data: [1], shape: [1, 1, 1, 1] };
    const before = { data: [1, 2], shape: [2, 1, 1, 1] };
    await expect(filterGrids({ before, after })).rejects.toThrow('before (1, 1, 1, 1), as after');
  });
});

describe('predictions', () => {
  const predictions = {
    images: { data: new Uint8Array(8), shape: [2, 1, 2, 2] },
    trueLabels: [0, 1],
    predictedLabels: Int32Array.of(0, 0),
    confidences: [0.987, 0.5],
    classNames: ['cat', '<b>dog</b>'],
  };

  test('right is green with a tick, wrong is red with a cross', async () => {
    const cards = (await predictionCards(predictions)).map(parseXml);
    const marks = cards.map(
      (card) => all(card, 'g').find((g) => g.attributes['data-mark'])!.attributes['data-mark'],
    );
    expect(marks).toEqual(['tick', 'cross']);
    const frames = cards.map((card) =>
      all(card, 'rect').find((r) => r.attributes['stroke-width'] === '3')!,
    );
    expect(frames.map((frame) => frame.attributes.stroke)).toEqual(['#117a43', '#c62828']);
  });

  test('tells prediction, truth and confidence, escaped', async () => {
    const [, wrong] = await predictionCards(predictions);
    const texts = all(parseXml(wrong!), 'text').map(({ text }) => text);
    expect(texts).toEqual(['pred cat', '50.0 %', 'true <b>dog</b>']);
    expect(wrong).not.toContain('<b>');
    expect(parseXml(wrong!).attributes['aria-label']).toMatch(/^wrong: /);
  });

  test('one figure with all of them', async () => {
    const svg = parseXml(await predictionGrid(predictions));
    expect(all(svg, 'image')).toHaveLength(2);
    expect(svg.attributes['aria-label']).toBe('2 predictions, 1 of them right');
  });

  test('refuses labels without a name and lists of another length', async () => {
    await expect(predictionCards({ ...predictions, trueLabels: [0, 2] })).rejects.toThrow(
      'labels from 0 to 1, one of 2 class names, got 2',
    );
    await expect(predictionCards({ ...predictions, confidences: [1] })).rejects.toThrow(
      '2 confidences, one for each image',
    );
  });
});
