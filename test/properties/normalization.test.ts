import fc from 'fast-check';
import * as sg from 'shadegrad';
import { batchNorm, channelMoments, layerNorm, type Moments } from '../reference/normalization.js';
import {
  input,
  numbers,
  property,
  referenceOf,
  shapes,
  SOME,
  tensorOf,
  type Numbers,
} from '../support/arbitraries.js';
import { checkOp, type OpInput } from '../support/checkOp.js';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/random.js';

const F = sg.nn.functional;

/** (N, C, ...), of two values a channel or more. */
const batches = fc
  .record({
    n: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 300 })),
    channels: fc.integer({ min: 1, max: 9 }),
    spatial: shapes({ maxRank: 3, sizes: SOME, maxNumel: 50 }),
  })
  .filter(({ n, spatial }) => spatial.reduce((a, b) => a * b, n) >= 2)
  .map(({ n, channels, spatial }) => [n, channels, ...spatial])
  .filter((shape) => shape.reduce((a, b) => a * b) <= 4000);

const parameter = (size: readonly number[], drawn: Numbers, part: number): OpInput =>
  input(size, { kind: 'positive', seed: drawn.seed }, part);

/** Which of weight and bias there are, and where they are among the inputs. */
const affine = fc.record({ weight: fc.boolean(), bias: fc.boolean() });

function pick<T>({ weight, bias }: { weight: boolean; bias: boolean }, given: readonly T[]) {
  return {
    weight: weight ? given[0]! : null,
    bias: bias ? given[weight ? 1 : 0]! : null,
  };
}

const CHECK = { samples: 6, step: 1e-5, random: true, f16: 2e-2 } as const;

property(
  'layerNorm of any last dimensions has the values and gradients of the reference',
  fc
    .oneof(
      { weight: 3, arbitrary: shapes({ minRank: 1, maxRank: 4, sizes: SOME }) },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 8, max: 600 })),
      },
    )
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape as number[]),
        last: fc.integer({ min: 1, max: shape.length }),
        affine,
        eps: fc.constantFrom(1e-5, 0.1),
        x: numbers('distinct', 'plain', 'shifted'),
      }),
    ),
  ({ shape, last, affine, eps, x }) => {
    const normalized = shape.slice(-last);
    const size = normalized.reduce((a, b) => a * b, 1);
    return checkOp({
      inputs: [
        input(shape, x),
        ...(affine.weight ? [parameter(normalized, x, 1)] : []),
        ...(affine.bias ? [parameter(normalized, x, 2)] : []),
      ],
      op: (x, ...given) => {
        const { weight, bias } = pick(affine, given);
        return F.layerNorm(x, normalized, weight, bias, eps);
      },
      reference: (x, ...given) => {
        const { weight, bias } = pick(affine, given);
        return layerNorm(x, size, weight, bias, eps);
      },
      ...CHECK,
      // Rows of one or two elements have next to no slope.
      gradient: { absolute: 2e-4 },
    });
  },
  35,
);

property(
  'batchNorm in training has the values and gradients of the reference',
  fc.record({
    shape: batches,
    affine,
    eps: fc.constantFrom(1e-5, 0.1),
    x: numbers('distinct', 'plain', 'shifted'),
  }),
  ({ shape, affine, eps, x }) => {
    const channels = [shape[1]!];
    return checkOp({
      inputs: [
        input(shape, x),
        ...(affine.weight ? [parameter(channels, x, 1)] : []),
        ...(affine.bias ? [parameter(channels, x, 2)] : []),
      ],
      op: (x, ...given) => {
        const { weight, bias } = pick(affine, given);
        return F.batchNorm(x, null, null, weight, bias, { training: true, eps });
      },
      reference: (x, ...given) => {
        const { weight, bias } = pick(affine, given);
        return batchNorm(x, weight, bias, { eps });
      },
      ...CHECK,
      gradient: { absolute: 5e-4, relative: 5e-4 },
    });
  },
  35,
);

property(
  'batchNorm without training has the values and gradients of the reference',
  fc.record({ shape: batches, affine, x: numbers('plain', 'ties', 'outliers') }),
  ({ shape, affine, x }) => {
    const channels = [shape[1]!];
    const means = uniform(channels[0]!, 4);
    const variances = uniform(channels[0]!, 5, 0.1, 2);
    const running = [...means].map((mean, c): Moments => ({ mean, variance: variances[c]! }));
    return checkOp({
      inputs: [
        input(shape, x),
        ...(affine.weight ? [parameter(channels, x, 1)] : []),
        ...(affine.bias ? [parameter(channels, x, 2)] : []),
      ],
      op: (x, ...given) => {
        const { weight, bias } = pick(affine, given);
        return F.batchNorm(x, sg.tensor(means), sg.tensor(variances), weight, bias);
      },
      reference: (x, ...given) => {
        const { weight, bias } = pick(affine, given);
        return batchNorm(x, weight, bias, { running });
      },
      ...CHECK,
      step: 0.5,
      f16: x.kind === 'outliers' ? false : CHECK.f16,
    });
  },
  20,
);

property(
  'batchNorm averages its running statistics by momentum, or over all batches',
  fc.record({
    shape: batches,
    momentum: fc.constantFrom(0.1, 1, 0, 0.75, null),
    x: numbers('plain', 'outliers'),
  }),
  async ({ shape, momentum, x }) => {
    const channels = shape[1]!;
    const count = shape.reduce((a, b) => a * b) / channels;
    const [mean, variance] = [sg.zeros([channels]), sg.ones([channels])];
    const numBatchesTracked = sg.tensor(new Int32Array([0]), { shape: [] });
    let expected = Array.from({ length: channels }, () => ({ mean: 0, variance: 1 }));
    for (const batch of [1, 2, 3]) {
      const drawn = { ...x, seed: x.seed + batch };
      const share = momentum ?? 1 / batch;
      const options = { training: true, momentum, numBatchesTracked };
      F.batchNorm(tensorOf(shape, drawn), mean, variance, null, null, options);
      const now = channelMoments(referenceOf(shape, drawn));
      expected = expected.map((before, c) => ({
        mean: (1 - share) * before.mean + share * now[c]!.mean,
        variance: (1 - share) * before.variance + (share * now[c]!.variance * count) / (count - 1),
      }));
    }
    expectClose(
      await mean.data(),
      expected.map((moment) => moment.mean),
      { absolute: 1e-5 },
    );
    expectClose(
      await variance.data(),
      expected.map((moment) => moment.variance),
    );
  },
  15,
);
