import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mutate, type MutationFile } from '../setup/mutation.js';

const LEAST = 3; // mutations of each entry point, or of a file of shared functions

const shaders = readdirSync('shaders').map((file) => basename(file, '.wgsl'));

test('each list of mutations is of a shader', () => {
  const lists = readdirSync('test/mutations').filter((file) => file.endsWith('.json'));
  expect(lists.map((file) => basename(file, '.json')).sort()).toEqual([...shaders].sort());
});

describe.each(shaders)('%s', (shader) => {
  const path = `test/mutations/${shader}.json`;
  const source = readFileSync(`shaders/${shader}.wgsl`, 'utf8');
  const read = (): MutationFile => JSON.parse(readFileSync(path, 'utf8')) as MutationFile;

  test(`has ${LEAST} mutations or more of each kernel`, () => {
    const entries = [...source.matchAll(/@compute[^\n]*\n(?:#[^\n]*\n)*\s*fn (\w+)/g)].map(
      ([, n]) => n!,
    );
    const { mutations } = read();
    for (const entry of entries.length > 0 ? entries : [null]) {
      const own = mutations.filter((mutation) => mutation.entry === entry);
      expect(own.length, entry ?? shader).toBeGreaterThanOrEqual(LEAST);
    }
    const known = mutations.filter(({ entry }) => entry === null || entries.includes(entry));
    expect(known).toEqual(mutations);
  });

  test('changes what is there, and has tests that can go red', () => {
    const { tests, mutations } = read();
    for (const mutation of mutations) expect(mutate(source, mutation)).not.toBe(source);
    expect(tests.filter((file) => !existsSync(file))).toEqual([]);
  });
});
