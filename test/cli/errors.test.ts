import { DataFormatError, DeviceError, ResourceError } from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { describe as describeError } from '../../src/cli/errors.js';

describe('what is printed for an error', () => {
  test('is the message of a typed error', () => {
    const error = new DataFormatError('a.idx', 'expected 8 bytes, got 7', 4, 'Download it again.');
    expect(describeError(error)).toBe(
      'error: a.idx at byte 4: expected 8 bytes, got 7. Download it again.',
    );
  });

  test('has a short list on the first line, and the fix on the second', () => {
    const error = new DeviceError(
      [
        "init: expected a WebGPU adapter (software: 'auto'), found none. Tried:",
        '  - the system: there is no Vulkan loader',
        '  - SwiftShader: not installed',
        'Install a driver.',
      ].join('\n'),
    );
    expect(describeError(error)).toBe(
      "error: init: expected a WebGPU adapter (software: 'auto'), found none. " +
        'Tried: the system: there is no Vulkan loader; SwiftShader: not installed\nInstall a driver.',
    );
  });

  test('leaves out a long list, and the words before it', () => {
    const places = Array.from({ length: 12 }, (_, i) => `  /some/folder/of/files/${i}.gz`);
    const error = new ResourceError(
      ['MNIST: no file in v1.2. Looked for:', ...places, 'The files must be there.'].join('\n'),
    );
    expect(describeError(error)).toBe('error: MNIST: no file in v1.2.\nThe files must be there.');
  });

  test('says so if it is no error of ours, in two lines', () => {
    const lines = describeError(new TypeError('x is\n  undefined')).split('\n');
    expect(lines[0]).toBe('error: x is undefined');
    expect(lines[1]).toContain('--debug');
    expect(lines).toHaveLength(2);
    expect(describeError('text')).toMatch(/^error: text\n/);
  });
});
