/**
 * Every case of ops.test.ts on an adapter whose bindings hold less than the tensors: they are worked
 * on in parts, with the same results.
 */
import { describe, test } from 'vitest';
import { withBindingLimit } from '../support/limits.js';
import { check, families } from './check.js';

const LIMIT = 512; // bytes

describe.each(families)('$file, PyTorch $torch', ({ cases }) => {
  test.each(cases)('$title', (given) => withBindingLimit(LIMIT, () => check(given)));
});
