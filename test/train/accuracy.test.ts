import * as sg from 'shadegrad';
import { describe, expect } from 'vitest';
import { tidyTest } from '../support/tidyTest.js';

const { accuracy } = sg.train;

describe('accuracy', () => {
  const logits = () =>
    sg.tensor([
      [1, 3, 2],
      [0, -1, -2],
      [5, 5, 6],
      [1, 0, 0],
    ]);

  tidyTest('is the share of rows whose largest logit is at the target', async () => {
    const x = logits();
    expect(await accuracy(x, sg.tensor(new Int32Array([1, 0, 2, 0])))).toBe(1);
    expect(await accuracy(x, sg.tensor(new Uint32Array([1, 1, 2, 2])))).toBe(0.5);
    expect(await accuracy(x, sg.tensor(new Int32Array([0, 1, 0, 1])))).toBe(0);
    const oneHot = sg.nn.functional.oneHot(sg.tensor(new Int32Array([1, 0, 2, 2])), 3);
    expect(await accuracy(x, oneHot)).toBe(0.75);
  });

  tidyTest('records and keeps nothing', async () => {
    const x = logits().requiresGrad_();
    const target = sg.tensor(new Int32Array(4));
    const before = sg.memory().arrays;
    await accuracy(x, target);
    expect(sg.memory().arrays).toBe(before);
  });

  tidyTest('refuses shapes that do not belong together', async () => {
    const x = logits();
    for (const [a, b] of [
      [x, sg.zeros([3], { dtype: 'i32' })],
      [x, sg.zeros([4, 2])],
      [sg.zeros([4]), sg.zeros([4], { dtype: 'i32' })],
      [x, sg.zeros([4, 3, 7])],
      [sg.zeros([4, 2, 2]), sg.zeros([4], { dtype: 'i32' })],
      [sg.zeros([0, 3]), sg.zeros([0], { dtype: 'i32' })],
    ] as const) {
      await expect(accuracy(a, b)).rejects.toThrow(sg.ShapeError);
    }
    await expect(accuracy(x, sg.zeros([3], { dtype: 'i32' }))).rejects.toThrow(
      'accuracy: expected logits (N, C) and target (N) or (N, C), got',
    );
  });
});
