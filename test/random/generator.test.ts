import * as sg from 'shadegrad';
import { expect, test } from 'vitest';

async function numbers(generator?: sg.Generator): Promise<number[]> {
  using a = sg.rand([5], { generator });
  using b = sg.randn([5], { generator });
  using c = sg.randint(0, 100, [5], { generator });
  return [...(await a.data()), ...(await b.data()), ...(await c.data())];
}

test('the same seed gives the same numbers, another seed others', async () => {
  sg.manualSeed(7);
  const first = await numbers();
  const continued = await numbers();
  sg.manualSeed(7);
  expect(await numbers()).toEqual(first);
  expect(await numbers()).toEqual(continued);
  expect(continued).not.toEqual(first);
  sg.manualSeed(8);
  expect(await numbers()).not.toEqual(first);
});

test('a generator of its own leaves the default one alone', async () => {
  sg.manualSeed(7);
  const first = await numbers();
  sg.manualSeed(7);
  expect(await numbers(new sg.Generator(3))).toEqual(await numbers(new sg.Generator(3)));
  expect(await numbers()).toEqual(first);
});

test('its state can be stored and set', async () => {
  const generator = new sg.Generator(2 ** 53 - 1);
  await numbers(generator);
  const { state } = generator;
  const expected = await numbers(generator);
  generator.state = state;
  expect(await numbers(generator)).toEqual(expected);
});

test('a permutation has every index once, in an order that differs from draw to draw', () => {
  const generator = new sg.Generator(1);
  const [a, b] = [generator.permutation(1000), generator.permutation(1000)];
  expect([...a].sort((x, y) => x - y)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(a).not.toEqual(b);
  expect(generator.permutation(0)).toHaveLength(0);
});

test('manualSeed refuses what is not a whole number from 0', () => {
  for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
    expect(() => sg.manualSeed(seed)).toThrow('manualSeed: expected an integer from 0 to 2^53 - 1');
  }
});
