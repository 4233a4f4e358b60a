/** The examples that need no files, imported as they are, in Node and in Chromium. */
import { describe, expect, test, vi } from 'vitest';
import { testAll } from '../support/extent.js';

/** Imports an example, which runs it, and gives the lines that it prints. */
async function linesOf(load: () => Promise<unknown>): Promise<string[]> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  try {
    await load();
    return log.mock.calls.map((values) => values.join(' '));
  } finally {
    log.mockRestore();
    warn.mockRestore();
  }
}

const numbersOf = (line: string): number[] =>
  [...line.matchAll(/ (-?\d+(?:\.\d+)?)(?![\d.])/g)].map(([, text]) => Number(text));

test('examples/autograd.js prints the derivatives', async () => {
  // @ts-expect-error: a JavaScript file
  const lines = await linesOf(() => import('../../examples/autograd.js'));

  const x = [1, 2, 3];
  const w = [0.5, -1, 2];
  const slopes = x.map((value, i) => 1 - Math.tanh(value * w[i]!) ** 2);
  const dx = slopes.map((slope, i) => slope * w[i]!);
  const expected = {
    'y ': [x.reduce((sum, value, i) => sum + Math.tanh(value * w[i]!), 0)],
    'dy/dx ': dx,
    'dy/dw ': slopes.map((slope, i) => slope * x[i]!),
    'sum ': dx.map((value, i) => value + w[i]!),
  };
  expect(lines).toHaveLength(4);
  Object.entries(expected).forEach(([name, values], i) => {
    expect(lines[i]!.startsWith(name)).toBe(true);
    const printed = numbersOf(lines[i]!);
    expect(printed).toHaveLength(values.length);
    printed.forEach((value, j) => expect(value).toBeCloseTo(values[j]!, 3));
  });
});

test('examples/trainingLoop.js learns', async () => {
  // @ts-expect-error: a JavaScript file
  const lines = await linesOf(() => import('../../examples/trainingLoop.js'));

  const losses = lines.slice(0, -1).map((line) => numbersOf(line));
  expect(losses.map(([epoch]) => epoch)).toEqual([5, 10, 15, 20]);
  expect(losses.at(-1)![1]).toBeLessThan(losses[0]![1]! / 2);
  const [, accuracy] = /^accuracy ([\d.]+)%$/.exec(lines.at(-1)!)!;
  expect(Number(accuracy)).toBeGreaterThan(90);
});

describe('examples/memory.js', () => {
  test('shows memory as it says that it goes', async () => {
    // @ts-expect-error: a JavaScript file
    const lines = await linesOf(() => import('../../examples/memory.js'));

    // Of 256 KiB each: the parameter; three activations; the gradient.
    const kib = lines
      .filter((line) => line.endsWith(' KiB'))
      .map((line) => [line.replace(/ +\d+ KiB$/, ''), numbersOf(line).at(-1)]);
    const scalars = 1;
    expect(kib).toEqual([
      ['a parameter', 256],
      ['after the forward pass', 4 * 256],
      ['after backward()', 3 * 256],
      ['after noGrad()', 3 * 256 + scalars],
      ['after 5 steps', 3 * 256],
      ['after 50 steps', 3 * 256],
      ['with a tensor that was retained', 3 * 256],
      ['without it', 2 * 256],
    ]);
    expect(lines).toContain('hidden: DisposedError');
    expect(lines).toContain('kept: 65536 values');
    const [loss] = numbersOf(lines.find((line) => line.startsWith('loss '))!);
    expect(loss).toBeGreaterThan(0.2);
    expect(loss).toBeLessThan(0.6);
  });
});

testAll('examples/capture.js does less on the host, and learns', async () => {
  // @ts-expect-error: a JavaScript file
  const lines = await linesOf(() => import('../../examples/capture.js'));

  expect(lines.map((line) => line.replace(/[\d.]+/g, '#'))).toEqual([
    'plain: # ms of JavaScript a step',
    'captured: # ms of JavaScript a step',
    '# dispatches a step, loss #',
  ]);
  const [dispatches, loss] = lines[2]!.match(/[\d.]+/g)!.map(Number);
  expect(dispatches).toBeLessThanOrEqual(30);
  expect(loss).toBeLessThan(2.4);
});
