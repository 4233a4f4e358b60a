/**
 * Every op and option against PyTorch: the ops_*.safetensors beside this file, which the ops_*.py
 * write (`npm run golden`). The errors are relative, norm of the difference over norm.
 */
import { describe, expect, test } from 'vitest';
import { unlessAll } from '../support/extent.js';
import type { Case } from './cases.js';
import { check, families } from './check.js';
import { FUNCTIONS } from './functions.js';

test('each op of the files has a function, and the other way round', () => {
  const ops = new Set(families.flatMap(({ cases }) => cases.map(({ op }) => op)));
  expect(Object.keys(FUNCTIONS).sort()).toEqual([...ops].sort());
});

describe.each(families)('$file, PyTorch $torch', ({ cases }) => {
  test.each(unlessAll(oneOfEachKind(cases), cases))('$title', check);
});

/**
 * Of the cases that differ in shapes alone the first: those with the same op, options and inputs, and
 * the same words behind them, such as "ties".
 */
function oneOfEachKind(cases: readonly Case[]): Case[] {
  const first = new Map<string, Case>();
  for (const one of cases) {
    const { title, op, options, inputs } = one;
    const names = Object.keys(options).sort();
    const words = title.split(', ').filter((part) => /^[a-zA-Z-]/.test(part));
    const others = words.filter((part) => !names.some((name) => part.startsWith(`${name} `)));
    const key = JSON.stringify([op, names, Object.keys(inputs), others.slice(1), one.dys.size]);
    if (!first.has(key)) first.set(key, one);
  }
  return [...first.values()];
}
