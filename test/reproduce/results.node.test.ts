import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keepPythonResult, keepResult, readKept, resultsOf } from '../../reproduce/results.js';
import { ENVIRONMENT, pythonResult, result } from './support.js';

let folder = '';
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'reproduce-'))));
afterEach(() => fs.rmSync(folder, { recursive: true }));

const kept = () => resultsOf(readKept(folder), 'Test Adapter');
const summary = () =>
  kept().map(({ experiment, version, epochs, finished }) =>
    [experiment, version, epochs, finished ? 'whole' : 'cut off'].join(' '),
  );

describe('results of an adapter', () => {
  test('go into one file a day, one beside the other', async () => {
    const first = await keepResult(folder, ENVIRONMENT, result());
    const second = await keepResult(folder, ENVIRONMENT, result({ experiment: 'convNet' }));
    await keepResult(folder, ENVIRONMENT, result({ version: 'quick' }));
    expect(path.basename(first)).toBe('test-adapter-2026-11-20.json');
    expect(second).toBe(first);
    expect(fs.readdirSync(folder)).toEqual([path.basename(first)]);
    expect(summary()).toEqual([
      'leNetTanh full 2 whole',
      'convNet full 2 whole',
      'leNetTanh quick 2 whole',
    ]);
  });

  test('take the place of those before, but an unfinished one not that of a whole one', async () => {
    const keep = (changes: object) => keepResult(folder, ENVIRONMENT, result(changes));
    await keep({ epochs: 1, finished: false });
    await keep({ epochs: 2, finished: false });
    expect(summary()).toEqual(['leNetTanh full 2 cut off']);
    await keep({ epochs: 3 });
    expect(summary()).toEqual(['leNetTanh full 3 whole']);
    await keep({ epochs: 1, finished: false });
    expect(summary()).toEqual(['leNetTanh full 3 whole']);
    await keep({ epochs: 4 });
    expect(summary()).toEqual(['leNetTanh full 4 whole']);
    expect(fs.readFileSync(path.join(folder, fs.readdirSync(folder)[0]!), 'utf8')).not.toContain(
      '"finished": false',
    );
  });

  test('of several days are the last ones, and those of other adapters are not among them', async () => {
    const later = { ...ENVIRONMENT, date: '2026-12-01T00:00:00.000Z' };
    const { adapter } = ENVIRONMENT;
    const other = { ...ENVIRONMENT, adapter: { ...adapter, description: 'Other' } };
    await keepResult(folder, later, result({ epochs: 5 }));
    await keepResult(folder, ENVIRONMENT, result({ epochs: 2 }));
    await keepResult(folder, ENVIRONMENT, result({ epochs: 2, experiment: 'convNet' }));
    await keepResult(folder, other, result({ epochs: 9 }));
    expect(summary().sort()).toEqual(['convNet full 2 whole', 'leNetTanh full 5 whole']);
    expect(resultsOf(readKept(folder), 'Other')).toHaveLength(1);
  });
});

test('results of Python have a file of their own', async () => {
  await keepResult(folder, ENVIRONMENT, result());
  await keepPythonResult(folder, pythonResult({ epochs: 1 }));
  const file = await keepPythonResult(folder, pythonResult());
  expect(path.basename(file)).toBe('python-2026-11-20.json');
  const { files, python } = readKept(folder);
  expect(files).toHaveLength(1);
  expect(python).toEqual([pythonResult()]);
});
