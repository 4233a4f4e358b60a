import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { architectureGraph, type ArchitectureNode } from '../../src/viz/index.js';
import { all, parseXml, type XmlElement } from './helpers.js';

const number = (element: XmlElement, name: string): number => Number(element.attributes[name]);

/** The boxes in their order, with where they lie. */
function boxes(svg: string) {
  return all(parseXml(svg), 'g')
    .filter((g) => g.attributes['data-node'])
    .map((g) => {
      const rect = all(g, 'rect')[0]!;
      const [x, y] = [number(rect, 'x'), number(rect, 'y')];
      const [width, height] = [number(rect, 'width'), number(rect, 'height')];
      const texts = all(g, 'text').map(({ text }) => text);
      return { type: g.attributes['data-node'], x, y, right: x + width, bottom: y + height, texts };
    });
}

const shapes = (svg: string) =>
  all(parseXml(svg), 'text').flatMap(({ attributes }) => attributes['data-shape'] ?? []);

function overlaps(list: ReturnType<typeof boxes>): number {
  let count = 0;
  list.forEach((a, i) =>
    list.slice(i + 1).forEach((b) => {
      if (a.x < b.right && b.x < a.right && a.y < b.bottom && b.y < a.bottom) count++;
    }),
  );
  return count;
}

const node = (type: string, inputs?: number[]): ArchitectureNode => ({
  type,
  outputShape: ['N', 4],
  ...(inputs && { inputs }),
});

/** input, two paths of two layers and of none, their sum. */
const RESIDUAL = [
  { ...node('Input', []), kind: 'input' as const },
  node('Linear', [0]),
  node('ReLU', [1]),
  { ...node('add', [2, 0]), kind: 'op' as const },
];

describe('architectureGraph', () => {
  test('of LeNet-5 has layers, settings, parameters and the shapes between them', () => {
    const model = new sg.models.LeNet5();
    const svg = architectureGraph(model.summary([1, 1, 28, 28]));
    model.dispose();
    const drawn = boxes(svg);
    expect(drawn.map(({ type }) => type)).toEqual([
      ...['Input', 'Conv2d', 'Sigmoid', 'AvgPool2d', 'Conv2d', 'Sigmoid', 'AvgPool2d'],
      ...['Flatten', 'Linear', 'Sigmoid', 'Linear', 'Sigmoid', 'Linear'],
    ]);
    expect(drawn[1]!.texts).toEqual([
      ...['Conv2d', 'features.0', '6 filters 5\u00d75, padding 2', '156 parameters'],
    ]);
    expect(drawn[3]!.texts).toEqual(['AvgPool2d2\u00d72, stride 2', 'features.2']);
    expect(drawn[11]!.texts).toEqual(['Sigmoid', 'classifier.4']);
    // Only where they change, and at the end.
    expect(shapes(svg)).toEqual([
      ...['1 \u00d7 28 \u00d7 28', '6 \u00d7 28 \u00d7 28', '6 \u00d7 14 \u00d7 14'],
      ...['16 \u00d7 10 \u00d7 10', '16 \u00d7 5 \u00d7 5', '400', '120', '84', '10'],
    ]);
    expect(parseXml(svg).text).toContain('61,706 parameters, 423,038 multiply-adds');
    // One below the other, in one column.
    drawn.slice(1).forEach((box, i) => expect(box.y).toBeGreaterThan(drawn[i]!.bottom));
    expect(new Set(drawn.map(({ x, right }) => Math.round(x + right))).size).toBe(1);
    expect(all(parseXml(svg), 'path')).toHaveLength(2 * 13); // lines and heads, the last one out
  });

  test('lies within the picture, vertical and horizontal, and nothing overlaps', () => {
    for (const direction of ['vertical', 'horizontal'] as const) {
      const svg = architectureGraph({ graph: RESIDUAL, model: 'Residual' }, { direction });
      const { attributes } = parseXml(svg);
      const drawn = boxes(svg);
      expect(overlaps(drawn)).toBe(0);
      for (const { x, y, right, bottom } of drawn) {
        expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
        expect(right).toBeLessThanOrEqual(Number(attributes.width));
        expect(bottom).toBeLessThanOrEqual(Number(attributes.height));
      }
      const [a, b] =
        direction === 'vertical' ? (['y', 'bottom'] as const) : (['x', 'right'] as const);
      drawn.slice(1).forEach((box, i) => expect(box[a]).toBeGreaterThan(drawn[i]![b]));
    }
  });

  test('a path that skips layers goes round them', () => {
    const svg = architectureGraph({ graph: RESIDUAL });
    const [, linear] = boxes(svg);
    const lines = all(parseXml(svg), 'path').filter(({ attributes }) => attributes.fill === 'none');
    expect(lines).toHaveLength(5); // four edges, one way out
    const skip = lines.find(({ attributes }) => /C.*C/.test(attributes.d!))!;
    const xs = [...skip.attributes.d!.matchAll(/L([\d.]+) /g)].map(([, x]) => Number(x));
    expect(xs.some((x) => x > linear!.right || x < linear!.x)).toBe(true);
  });

  test('a wide flow to the right is broken into lines, but not where paths run side by side', () => {
    const rows = (lineWidth?: number) => {
      const graph = [...RESIDUAL, node('Linear'), node('ReLU')];
      const svg = architectureGraph({ graph }, { direction: 'horizontal', lineWidth });
      const lines: string[][] = [];
      let before = Infinity;
      for (const { type, x, right } of boxes(svg)) {
        if (x < before) lines.push([]);
        lines.at(-1)!.push(type!);
        before = right;
      }
      const arrows = all(parseXml(svg), 'path').filter(
        ({ attributes }) => attributes.fill !== 'none',
      );
      return { lines, arrows: arrows.length, width: Number(parseXml(svg).attributes.width) };
    };
    expect(rows().lines).toHaveLength(1);
    expect(rows().arrows).toBe(7); // six edges, one way out
    const { lines, arrows, width } = rows(420);
    expect(lines).toEqual([
      ['Input', 'Linear', 'ReLU', 'add'],
      ['Linear', 'ReLU'],
    ]);
    expect(arrows).toBe(8); // what goes on has an arrow out and one in
    expect(width).toBeLessThan(rows().width);
    // As narrow as it gets.
    expect(rows(1).lines).toEqual([['Input', 'Linear', 'ReLU', 'add'], ['Linear'], ['ReLU']]);
  });

  test('nodes without inputs come one after the other; a repeated layer says so', () => {
    const graph = [node('a'), { ...node('Linear'), parameters: 20, repeated: true }];
    const svg = architectureGraph({ graph }, { title: 'Mine' });
    const [a, b] = boxes(svg);
    expect(b!.y).toBeGreaterThan(a!.bottom);
    expect(b!.texts).toContain('shared parameters');
    expect(parseXml(svg).text).toContain('Mine');
  });

  test('escapes every string', () => {
    const bad = '<script>"';
    const graph = [
      { ...node(bad), name: bad, settings: bad, outputShape: [1, bad], parameters: 1 },
    ];
    const svg = architectureGraph({ graph, model: bad });
    expect(svg).not.toContain('<script');
    expect(parseXml(svg).text).toContain(bad);
  });

  test('refuses what is no graph', () => {
    expect(() => architectureGraph({ graph: [] })).toThrow(ArgumentError);
    for (const wrong of [1, -1, 0.5, NaN, 7]) {
      expect(() => architectureGraph({ graph: [node('a'), node('b', [wrong])] })).toThrow(
        'inputs of node 1 (b) to be indices under 1',
      );
    }
    const direction = 'up' as 'vertical';
    expect(() => architectureGraph({ graph: [node('a')] }, { direction })).toThrow('got up');
    for (const lineWidth of [0, NaN]) {
      expect(() => architectureGraph({ graph: [node('a')] }, { lineWidth })).toThrow(ArgumentError);
    }
  });
});
