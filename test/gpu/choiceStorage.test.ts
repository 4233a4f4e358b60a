import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadChoices, storeChoices } from '../../src/gpu/choiceStorage.js';
import { currentDevice } from '../../src/gpu/device.js';

const inNode = typeof process !== 'undefined' && Boolean(process.versions?.node);
const tuned = (): Map<string, string> => currentDevice().choices.tuned;
let folder = '';

/** A place of its own for what is stored. */
beforeEach(() => {
  if (!inNode) return;
  const { join } = process.getBuiltinModule('node:path');
  folder = process
    .getBuiltinModule('node:fs')
    .mkdtempSync(join(process.getBuiltinModule('node:os').tmpdir(), 'choices-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
});

afterEach(() => {
  tuned().clear();
  vi.unstubAllEnvs();
  if (inNode) process.getBuiltinModule('node:fs').rmSync(folder, { recursive: true });
  else localStorage.clear();
});

test('what was stored for an adapter is there for the next device', () => {
  loadChoices(currentDevice());
  expect([...tuned()]).toEqual([]);
  tuned().set('matmul m3', 'tiled').set('convolve n1', 'direct');
  storeChoices(currentDevice());
  tuned().clear();
  loadChoices(currentDevice());
  expect([...tuned()]).toEqual([
    ['matmul m3', 'tiled'],
    ['convolve n1', 'direct'],
  ]);
});

test('a damaged file is as none', () => {
  tuned().set('matmul m3', 'tiled');
  storeChoices(currentDevice());
  tuned().clear();
  if (inNode) {
    const fs = process.getBuiltinModule('node:fs');
    const cache = `${folder}/shadegrad`;
    const [name, ...others] = fs.readdirSync(cache);
    expect(others).toEqual([]); // no temporary file is left
    fs.writeFileSync(`${cache}/${name!}`, '{"matmul m3": "til');
  } else localStorage.setItem(localStorage.key(0)!, '{"matmul m3": "til');
  loadChoices(currentDevice());
  expect([...tuned()]).toEqual([]);
});
