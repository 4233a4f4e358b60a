import { describe, expect, test } from 'vitest';
import { choose } from '../../reproduce/choice.js';
import { EXPERIMENTS } from '../../reproduce/experiments.js';

/** Sizes by the names of the experiments. */
function sizes(options: Parameters<typeof choose>[0]): Record<string, string> {
  const choices = choose(options);
  return Object.fromEntries(
    choices.map(({ experiment, version, versionName }) => [
      experiment.name,
      version ? versionName : `not ${versionName}`,
    ]),
  );
}

describe('the size of each experiment', () => {
  test('is the full one on a GPU', () => {
    const names = EXPERIMENTS.map(({ name }) => name);
    expect(sizes({ software: false })).toEqual(Object.fromEntries(names.map((n) => [n, 'full'])));
  });

  test('is what a software adapter can do, which may be all of it, or nothing', () => {
    const chosen = sizes({ software: true });
    expect(chosen).toMatchObject({
      leNetTanh: 'full',
      simpleConvNet: 'software',
      alexNetCifar: 'software',
      'alexNet-256': 'full',
      alexNet: 'not full',
    });
  });

  test('is small where it is to be quick, and full where that is asked for', () => {
    const { alexNet, ...others } = sizes({ software: true, quick: true });
    expect(alexNet).toBe('not full');
    expect(new Set(Object.values(others))).toEqual(new Set(['quick']));
    expect(new Set(Object.values(sizes({ software: true, full: true })))).toEqual(
      new Set(['full']),
    );
  });

  test('has the epochs that were asked for, of the experiments that were', () => {
    const [first, ...more] = choose({ software: true, only: ['convNet'], epochs: 7 });
    expect(more).toEqual([]);
    expect(first!.experiment.name).toBe('convNet');
    expect(first!.version).toMatchObject({ epochs: 7, images: 60_000 });
    // What is kept as data is as it was.
    expect(choose({ software: true, only: ['convNet'] })[0]!.version!.epochs).toBe(2);
  });
});

test('names are different, and a quick size is never larger than the others', () => {
  expect(new Set(EXPERIMENTS.map(({ name }) => name)).size).toBe(EXPERIMENTS.length);
  for (const { name, versions } of EXPERIMENTS) {
    const { full, software, quick } = versions;
    for (const smaller of [software, quick]) {
      if (!smaller) continue;
      const work = smaller.epochs * smaller.images;
      expect(work, name).toBeLessThanOrEqual(full.epochs * full.images);
    }
  }
});
