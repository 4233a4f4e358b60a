import { expect, test } from 'vitest';
import { adapterSlug } from '../../bench/environment.js';
import { lastOf } from '../../bench/results.js';

const adapter = (description: string) => ({
  adapter: { description, vendor: 'v', architecture: 'a', software: true, features: [] },
});

test('the name of an adapter is fit for a file', () => {
  expect(adapterSlug(adapter('SwiftShader driver 5.0.0'))).toBe('swiftshader-driver-5-0-0');
  expect(adapterSlug(adapter(' (LLVM 15.0.6)'))).toBe('llvm-15-0-6');
  expect(adapterSlug(adapter(''))).toBe('v-a');
});

test('the last results are those of the same adapter with the latest date', () => {
  const names = [
    'swiftshader-2026-11-30.json',
    'swiftshader-2026-12-02.json',
    'swiftshader-2026-12-01.json',
    'swiftshader-2-2027-01-01.json',
    'swiftshader-scale-2027-01-01.json',
    'README.md',
  ];
  expect(lastOf(names, 'swiftshader')).toBe('swiftshader-2026-12-02.json');
  expect(lastOf(names, 'llvmpipe')).toBeUndefined();
});
