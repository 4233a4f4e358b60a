import { expect, test } from 'vitest';
import { withBlock } from '../../bench/text.js';

test('a block replaces what stood between its marks, and nothing else', () => {
  const page = 'a\n<!-- bench:start -->\nold\n<!-- bench:end -->\nb\n';
  const once = withBlock(page, 'new', 'bench');
  expect(once).toBe('a\n<!-- bench:start -->\n\nnew\n\n<!-- bench:end -->\nb\n');
  expect(withBlock(once, 'new', 'bench')).toBe(once);
  for (const bad of ['none', '<!-- bench:start --> alone', `${page}${page}`]) {
    expect(() => withBlock(bad, 'new', 'bench')).toThrow(/once each/);
  }
  expect(() => withBlock(page, 'new', 'other')).toThrow(/other:start/);
});
