import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import golden from '../golden/trajectories.json';
import { RUNS, twentyLosses, type RunName } from '../support/trajectory.js';

// The losses were written in Node (test/golden/make_trajectories.mjs): where this test runs
// in Chromium, it compares the two.
test.each(Object.keys(RUNS) as RunName[])('twenty steps from one seed: %s', async (name) => {
  const { architecture } = (await sg.init()).info;
  // Another driver rounds otherwise, and twenty steps of Adam make more of it.
  const tolerance = architecture === golden.architecture ? 1e-5 : 1e-3;
  const losses = await twentyLosses(name);
  losses.forEach((loss, i) => {
    expect(Math.abs(loss / golden[name][i]! - 1), `step ${i + 1}: ${loss}`).toBeLessThan(tolerance);
  });
  expect(losses.at(-1)!, 'it learns').toBeLessThan(losses[0]!);
  expect(await twentyLosses(name), 'a second time, bit for bit').toEqual(losses);
});
