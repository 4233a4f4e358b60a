import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { checkOp, type Reference } from '../../support/checkOp.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';

const { prelu } = sg.nn.functional;

function reference(x: Reference, weight: Reference): Reference {
  const inner = x.shape.slice(2).reduce((a, b) => a * b, 1);
  const data = x.data.map((value, i) => {
    const slope = weight.data[Math.floor(i / inner) % weight.data.length]!;
    return value > 0 ? value : slope * value;
  });
  return { shape: x.shape, data };
}

const check = (shape: readonly number[], slopes: number): Promise<void> => {
  const size = shape.reduce((a, b) => a * b, 1);
  return checkOp({
    inputs: [
      { shape, data: uniform(size, 1, -2, 2) },
      { shape: [slopes], data: uniform(slopes, 2, 0.1, 0.5) },
    ],
    op: prelu,
    reference,
    options: { slopes: slopes > 1 ? 'each channel' : 'shared' },
  });
};

describe('prelu', () => {
  test.each([
    [[7], 1],
    [[3, 5], 1],
    [[3, 5], 5],
    [[2, 3, 5, 7], 3],
    [[2, 6, 14, 14], 1],
    [[1, 33, 65], 33],
    [[], 1],
  ])('equals the reference at shape %j with %i slopes', check);

  test('works in parts where x exceeds the binding limit', () =>
    withBindingLimit(1024, () => check([4, 6, 5, 7], 6)));

  test('of nothing is nothing, and has a gradient of zero', async () => {
    using x = sg.zeros([0, 3]);
    using weight = sg.tensor([1, 2, 3], { requiresGrad: true });
    using y = prelu(x, weight).retain();
    expect(y.shape).toEqual([0, 3]);
    using loss = y.sum();
    loss.backward();
    expect([...(await weight.grad!.data())]).toEqual([0, 0, 0]);
  });

  test('refuses slopes that are not one, nor one a channel', () => {
    using x = sg.zeros([2, 3]);
    using weight = sg.zeros([2]);
    expect(() => prelu(x, weight)).toThrow(
      'prelu: expected weight (1,) or (3,) for x (2, 3), got (2,)',
    );
  });
});
