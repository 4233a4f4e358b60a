/**
 * Every op and option against PyTorch: the ops_*.safetensors beside this file, which the ops_*.py
 * write (`npm run golden`). The errors are relative, norm of the difference over norm.
 */
import { describe, expect, test } from 'vitest';
import { check, families } from './check.js';
import { FUNCTIONS } from './functions.js';

test('each op of the files has a function, and the other way round', () => {
  const ops = new Set(families.flatMap(({ cases }) => cases.map(({ op }) => op)));
  expect(Object.keys(FUNCTIONS).sort()).toEqual([...ops].sort());
});

describe.each(families)('$file, PyTorch $torch', ({ cases }) => {
  test.each(cases)('$title', check);
});
