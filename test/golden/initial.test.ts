/**
 * What initialisers and layers draw from, against PyTorch: initial.json, which initial.py writes.
 * Bounds are exact; mean and deviation lie within five standard errors.
 */
import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import golden from './initial.json';

const { nn } = sg;

interface Draw {
  shape: number[];
  distribution: string;
  /** Bounds, or mean and standard deviation. */
  args: number[];
}

const inits = golden.inits.map((each) => ({
  ...each,
  title: `${each.name} (${each.shape.join(', ')}) ${JSON.stringify(each.options)}`,
}));
const layers = golden.layers.map((each) => ({
  ...each,
  title: `${each.name} ${JSON.stringify(each.args)} ${JSON.stringify(each.options)}`,
}));

describe(`as PyTorch ${golden.torch} draws`, () => {
  test.each(inits)('$title', async ({ name, options, ...draw }) => {
    sg.manualSeed(3);
    using x = sg.zeros(draw.shape);
    initialize(x, name, options);
    await check(x, draw);
  });

  test.each(layers)('$title', async ({ name, args, options, parameters }) => {
    sg.manualSeed(3);
    const Layer = nn[name as 'Conv2d'] as new (...given: unknown[]) => sg.nn.Module;
    const layer = new Layer(...args, options);
    const own = Object.fromEntries(layer.namedParameters());
    expect(Object.keys(own)).toEqual(Object.keys(parameters));
    for (const [key, draw] of Object.entries(parameters as Record<string, Draw>))
      await check(own[key]!, draw);
    layer.dispose();
  });
});

/** The plain distributions and the gain take numbers, the others an object. */
function initialize(x: sg.Tensor, name: string, options: object): void {
  const init = nn.init[name as 'normal_'] as (x: sg.Tensor, ...rest: unknown[]) => sg.Tensor;
  if (name.startsWith('kaiming')) init(x, options);
  else init(x, ...(Object.values(options) as number[]));
}

async function check(x: sg.Tensor, { shape, distribution, args }: Draw): Promise<void> {
  expect(x.shape).toEqual(shape);
  const data = Float64Array.from(await x.data());
  const n = data.length;
  const mean = data.reduce((sum, value) => sum + value, 0) / n;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  const [a, b] = args as [number, number];
  const uniform = distribution === 'uniform';
  const std = uniform ? (b - a) / Math.sqrt(12) : b;
  // Of the fourth moment: the error of a deviation depends on it.
  const kurtosis = uniform ? 1.8 : 3;
  expect(Math.abs(mean - (uniform ? (a + b) / 2 : a))).toBeLessThan((5 * std) / Math.sqrt(n));
  const spread = std * Math.sqrt((kurtosis - 1) / (4 * n));
  expect(Math.abs(Math.sqrt(variance) - std)).toBeLessThan(5 * spread);
  if (!uniform) return;
  // All within the bounds, and the outermost as near to them as n draws come.
  const [low, high] = [Math.min(...data), Math.max(...data)];
  const near = ((b - a) * 12) / n;
  expect(low).toBeGreaterThanOrEqual(Math.fround(a));
  expect(high).toBeLessThanOrEqual(Math.fround(b));
  expect(low).toBeLessThan(a + near);
  expect(high).toBeGreaterThan(b - near);
}
