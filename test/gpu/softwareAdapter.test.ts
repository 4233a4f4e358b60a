import { describe, expect, test } from 'vitest';
import { isSoftwareAdapter } from '../../src/gpu/softwareAdapter.js';

function adapterInfo(fields: Partial<GPUAdapterInfo>): GPUAdapterInfo {
  const blank = { vendor: '', architecture: '', device: '', description: '' };
  return { ...blank, isFallbackAdapter: false, ...fields } as GPUAdapterInfo;
}

describe('isSoftwareAdapter', () => {
  test.each<[string, Partial<GPUAdapterInfo>]>([
    ['SwiftShader', { vendor: 'google', architecture: 'swiftshader' }],
    ['lavapipe', { vendor: 'mesa', description: 'llvmpipe (LLVM 15.0.6, 256 bits)' }],
    ['WARP', { vendor: 'microsoft', description: 'Microsoft Basic Render Driver' }],
    ['anything that calls itself a fallback', { vendor: 'acme', isFallbackAdapter: true }],
  ])('is true of %s', (_, fields) => {
    expect(isSoftwareAdapter(adapterInfo(fields))).toBe(true);
  });

  test.each<[string, Partial<GPUAdapterInfo>]>([
    ['a discrete GPU', { vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H200' }],
    ['an adapter that tells nothing', {}],
  ])('is false of %s', (_, fields) => {
    expect(isSoftwareAdapter(adapterInfo(fields))).toBe(false);
  });
});
