/** The kernels of minimal filtering, on what the direct ones are tested with and on more 3x3 and 5x5 filters. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CONVOLUTION_WEIGHT_GRADIENT,
  CONVOLVE,
} from '../../../src/autograd/kernels/convolution.js';


import { currentDevice } from '../../../src/gpu/device.js';




import { checkCase, random, type Case } from '../../support/convolutions.js';

const FAMILIES = [CONVOLVE, CONVOLUTION_WEIGHT_GRADIENT];
const VARIANTS = ['winograd2', 'winograd4'] as const;

function force(variant: string): void {
  for (const { name } of FAMILIES) currentDevice().choices.forced.set(name, variant);
}

afterEach(() => currentDevice().choices.forced.clear());

function caseOf(
  name: string,
  x: number[],
  weight: number[],
  { padding = [0, 0], groups = 1, ...rest }: Partial<Case> & {
    padding?: [number, number];
    groups?: number;
  } = {},
): Case {
  const options = { padding, groups };
  return { name, x, weight, options, same: options, ...rest };
}

const CASES: Case[] = [
  caseOf('AlexNet, layer 3, with fewer channels', [2, 8, 13, 13], [12, 8, 3, 3], { padding: [1, 1] }),
  caseOf('AlexNet, layer 2, with fewer channels', [1, 4, 27, 27], [6, 4, 5, 5], { padding: [2, 2] }),
  caseOf('3x3, odd channels, no bias', [2, 3, 5, 7], [5, 3, 3, 3], { bias: false }),
  caseOf('5x5, odd channels', [1, 5, 17, 7], [3, 5, 5, 5], { padding: [1, 3] }),
  caseOf('an image of one pixel', [3, 1, 1, 1], [1, 1, 3, 3], { padding: [1, 1] }),
  caseOf('an image of one pixel, 5x5', [1, 3, 1, 1], [5, 3, 5, 5], { padding: [2, 2] }),
  caseOf('padding as wide as the filter', [1, 2, 3, 4], [2, 2, 3, 3], { padding: [3, 2] }),
  caseOf('padding wider than the filter', [1, 1, 2, 5], [2, 1, 5, 5], { padding: [4, 6] }),
  caseOf('groups', [2, 6, 8, 5], [4, 3, 3, 3], { padding: [1, 0], groups: 2 }),
  caseOf('depthwise', [1, 5, 6, 9], [5, 1, 5, 5], { padding: [2, 2], groups: 5 }),
  caseOf('values to 1e4', [1, 16, 7, 7], [4, 16, 3, 3], { padding: [1, 1], high: 1e4 }),
];

describe.each(VARIANTS)('conv2d by %s', (variant) => {
  beforeEach(() => force(variant));
  test.each(CASES)('$name', checkCase);
});
