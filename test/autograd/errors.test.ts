import * as sg from 'shadegrad';
import { describe, expect, test as plainTest } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import type { DType } from '../../src/gpu/dtype.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { withDevice } from '../support/device.js';
import { uniform } from '../support/random.js';
import { tidyTest } from '../support/tidyTest.js';

/**
 * Every op of Tensor and nn.functional against every error that a caller can make. A row says what
 * an op takes and what it refuses; an op without a row fails the test at the end.
 */

const F = sg.nn.functional;

/** Shape and dtype of a tensor: '2,3', 'i32 4', 'f32' for a scalar. */
type Spec = string;

interface Row {
  /** Takes the inputs; of several results the first one counts. */
  run: (...inputs: sg.Tensor[]) => sg.Tensor | readonly sg.Tensor[];
  inputs: readonly Spec[];
  /** For each input one of a rank that is refused with ShapeError; null where any rank will do. */
  rank?: readonly (Spec | null)[];
  /** For each input one of the right rank and a shape that is refused with ShapeError. */
  shape?: readonly (Spec | null)[];
  /** For each input one of a dtype that is refused with DTypeError; null where any will do. */
  dtype: readonly (Spec | null)[];
  /** Calls with the valid inputs and an option that is refused with ArgumentError or ShapeError. */
  options?: readonly ((...inputs: sg.Tensor[]) => unknown)[];
  /** False if no gradient flows through it. Default true. */
  differentiable?: false;
  /** Inputs of f32 that must not require grad. */
  constant?: readonly number[];
  /** What NaN in an input gives: NaN somewhere (the default), or none. */
  nan?: 'none';
  /** How messages call it, if not by its own name. */
  says?: string;
}

/** A function of each element, of f32 or f16. */
const elementwise = (run: Row['run'], more: Partial<Row> = {}): Row => ({
  run,
  inputs: ['2,3'],
  dtype: ['i32 2,3'],
  ...more,
});

/** A function of two tensors that broadcast, of any dtype. */
const pairwise = (run: Row['run'], more: Partial<Row> = {}): Row => ({
  run,
  inputs: ['2,3', '3'],
  shape: ['2,4', '2'],
  dtype: [null, null],
  ...more,
});

/** A reduction or an op along `dim`, of any dtype. */
const along = (
  run: (x: sg.Tensor, dim: number) => ReturnType<Row['run']>,
  more: Partial<Row> = {},
): Row => ({
  run: (x) => run(x!, 1),
  inputs: ['2,3'],
  dtype: [null],
  options: [(x) => run(x, 2), (x) => run(x, -3), (x) => run(x, 0.5)],
  ...more,
});

const FLOAT = { dtype: ['i32 2,3'] } as const;
const NO_GRADIENT = { differentiable: false } as const;
const POOL = { inputs: ['2,3,4,4'], rank: ['4,4'], dtype: ['i32 2,3,4,4'] } as const;
const LOSS = {
  inputs: ['2,3', '2,3'],
  shape: ['2,4', '2,4'],
  dtype: ['i32 2,3', 'i32 2,3'],
} as const;
const PRODUCT = { dtype: ['i32 3', 'i32 3'], says: 'matmul' } as const;

const TENSOR_OPS: Readonly<Record<string, Row>> = {
  neg: elementwise((x) => x!.neg(), { dtype: ['u32 2,3'] }),
  abs: elementwise((x) => x!.abs(), { dtype: ['u32 2,3'] }),
  exp: elementwise((x) => x!.exp()),
  log: elementwise((x) => x!.log()),
  sqrt: elementwise((x) => x!.sqrt()),
  square: elementwise((x) => x!.square(), { dtype: ['u32 2,3'] }),
  sign: elementwise((x) => x!.sign(), { dtype: ['u32 2,3'], nan: 'none' }), // as in PyTorch
  floor: elementwise((x) => x!.floor(), { dtype: ['u32 2,3'] }),
  ceil: elementwise((x) => x!.ceil(), { dtype: ['u32 2,3'] }),
  round: elementwise((x) => x!.round(), { dtype: ['u32 2,3'] }),
  reciprocal: elementwise((x) => x!.reciprocal()),
  rsqrt: elementwise((x) => x!.rsqrt()),
  sin: elementwise((x) => x!.sin()),
  cos: elementwise((x) => x!.cos()),
  relu: elementwise((x) => x!.relu(), { dtype: ['u32 2,3'] }),
  hardtanh: elementwise((x) => x!.hardtanh(), {
    options: [(x) => x!.hardtanh(1, 0)],
  }),
  relu6: elementwise((x) => x!.relu6()),
  leakyRelu: elementwise((x) => x!.leakyRelu()),
  elu: elementwise((x) => x!.elu()),
  gelu: elementwise((x) => x!.gelu()),
  silu: elementwise((x) => x!.silu()),
  softplus: elementwise((x) => x!.softplus()),
  sigmoid: elementwise((x) => x!.sigmoid()),
  tanh: elementwise((x) => x!.tanh()),
  add: pairwise((a, b) => a!.add(b!)),
  sub: pairwise((a, b) => a!.sub(b!)),
  mul: pairwise((a, b) => a!.mul(b!)),
  div: pairwise((a, b) => a!.div(b!)),
  pow: pairwise((a, b) => a!.pow(b!)),
  remainder: pairwise((a, b) => a!.remainder(b!)),
  fmod: pairwise((a, b) => a!.fmod(b!)),
  rsub: elementwise((x) => x!.rsub(2), { dtype: [null] }),
  rdiv: elementwise((x) => x!.rdiv(2), { dtype: [null] }),
  rpow: elementwise((x) => x!.rpow(2), { dtype: [null] }),
  maximum: pairwise((a, b) => a!.maximum(b!)),
  minimum: pairwise((a, b) => a!.minimum(b!)),
  clamp: elementwise((x) => x!.clamp(0.6, 1), { dtype: [null], options: [(x) => x!.clamp()] }),
  ...Object.fromEntries(
    (['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const).map((name) => [
      name,
      pairwise((a, b) => a![name](b!), NO_GRADIENT),
    ]),
  ),
  where: {
    run: (condition, a, b) => a!.where(condition!, b!),
    inputs: ['i32 2,3', '2,3', '3'],
    shape: ['i32 2,4', '2,4', '2'],
    dtype: [null, null, null],
  },
  to: elementwise((x) => x!.to('f32'), { dtype: [null] }),
  sum: along((x, dim) => x.sum(dim)),
  mean: along((x, dim) => x.mean(dim), FLOAT),
  max: along((x, dim) => x.max(dim)),
  min: along((x, dim) => x.min(dim)),
  variance: along((x, dim) => x.variance(dim), FLOAT),
  std: along((x, dim) => x.std(dim), FLOAT),
  norm: along((x, dim) => x.norm(2, dim), FLOAT),
  prod: along((x, dim) => x.prod(dim)),
  any: along((x, dim) => x.any(dim), NO_GRADIENT),
  all: along((x, dim) => x.all(dim), NO_GRADIENT),
  maxWithIndices: along((x, dim) => x.maxWithIndices(dim)),
  minWithIndices: along((x, dim) => x.minWithIndices(dim)),
  argmax: along((x, dim) => x.argmax(dim), NO_GRADIENT),
  argmin: along((x, dim) => x.argmin(dim), NO_GRADIENT),
  clone: elementwise((x) => x!.clone(), { dtype: [null] }),
  expand: {
    run: (x) => x!.expand([4, 3]),
    inputs: ['1,3'],
    rank: ['1,1,3'],
    shape: ['2,3'],
    dtype: [null],
  },
  squeeze: along((x, dim) => x.squeeze(dim), { inputs: ['2,1'] }),
  unsqueeze: along((x, dim) => x.unsqueeze(dim === 2 ? 3 : dim === -3 ? -4 : dim)),
  flatten: along((x, dim) => x.flatten(dim), {
    options: [(x) => x!.flatten(2), (x) => x!.flatten(1, 0)],
  }),
  slice: along((x, dim) => x.slice(dim, 1), {
    options: [(x) => x!.slice(2, 0), (x) => x!.slice(0, 0, 1, 0)],
  }),
  select: along((x, dim) => x.select(dim, 0), {
    options: [(x) => x!.select(2, 0), (x) => x!.select(0, 2)],
  }),
  narrow: along((x, dim) => x.narrow(dim, 0, 2), {
    options: [(x) => x!.narrow(2, 0, 1), (x) => x!.narrow(0, 1, 2)],
  }),
  split: along((x, dim) => x.split(2, dim), {
    options: [(x) => x!.split(1, 2), (x) => x!.split([1, 3], 1), (x) => x!.split(0)],
  }),
  chunk: along((x, dim) => x.chunk(2, dim), {
    options: [(x) => x!.chunk(1, 2), (x) => x!.chunk(0)],
  }),
  gather: {
    run: (x, index) => x!.gather(1, index!),
    inputs: ['2,3', 'i32 2,2'],
    rank: ['2,3,1', 'i32 2'],
    shape: ['1,3', 'i32 3,2'],
    dtype: [null, '2,2'],
    options: [(x, index) => x!.gather(2, index!)],
  },
  indexSelect: {
    run: (x, index) => x!.indexSelect(1, index!),
    inputs: ['2,3', 'i32 2'],
    rank: [null, 'i32 2,1'],
    dtype: [null, '2'],
    options: [(x, index) => x!.indexSelect(2, index!)],
  },
  topk: along((x, dim) => x.topk(2, dim), {
    options: [(x) => x!.topk(4, 1), (x) => x!.topk(1, 2)],
  }),
  sort: along((x, dim) => x.sort(dim)),
  argsort: along((x, dim) => x.argsort(dim), NO_GRADIENT),
  cumsum: along((x, dim) => x.cumsum(dim)),
  flip: along((x, dim) => x.flip(dim)),
  roll: along((x, dim) => x.roll(1, dim)),
  repeat: elementwise((x) => x!.repeat([2, 1]), {
    dtype: [null],
    rank: ['1,2,3'],
    options: [(x) => x!.repeat([2]), (x) => x!.repeat([2, -1])],
  }),
  tile: elementwise((x) => x!.tile([2]), { dtype: [null], options: [(x) => x!.tile([-1])] }),
  matmul: {
    run: (a, b) => a!.matmul(b!),
    inputs: ['2,3', '3,4'],
    rank: ['f32', 'f32'],
    shape: ['2,4', '2,4'],
    dtype: ['i32 2,3', 'i32 3,4'],
  },
  dot: {
    run: (a, b) => a!.dot(b!),
    inputs: ['3', '3'],
    rank: ['1,3', '3,1'],
    shape: ['4', '4'],
    ...PRODUCT,
  },
  mv: {
    run: (a, b) => a!.mv(b!),
    inputs: ['2,3', '3'],
    rank: ['3', '3,1'],
    shape: ['2,4', '4'],
    dtype: ['i32 2,3', 'i32 3'],
    says: 'matmul',
  },
  mm: {
    run: (a, b) => a!.mm(b!),
    inputs: ['2,3', '3,4'],
    rank: ['3', '3'],
    shape: ['2,4', '2,4'],
    dtype: ['i32 2,3', 'i32 3,4'],
    says: 'matmul',
  },
  bmm: {
    run: (a, b) => a!.bmm(b!),
    inputs: ['2,2,3', '2,3,4'],
    rank: ['2,3', '3,4'],
    shape: ['1,2,3', '2,2,4'],
    dtype: ['i32 2,2,3', 'i32 2,3,4'],
    says: 'matmul',
  },
  outer: {
    run: (a, b) => a!.outer(b!),
    inputs: ['2', '3'],
    rank: ['2,1', '1,3'],
    dtype: [null, null],
  },
  softmax: along((x, dim) => x.softmax(dim), FLOAT),
  logSoftmax: along((x, dim) => x.logSoftmax(dim), FLOAT),
  transpose: along((x, dim) => x.transpose(0, dim)),
  t: elementwise((x) => x!.t(), { dtype: [null], rank: ['2,3,4'] }),
  permute: elementwise((x) => x!.permute([1, 0]), {
    dtype: [null],
    rank: ['2,3,4'],
    options: [(x) => x!.permute([0, 0]), (x) => x!.permute([0, 2])],
  }),
  reshape: elementwise((x) => x!.reshape([3, -1]), {
    dtype: [null],
    shape: ['2,4'],
    options: [(x) => x!.reshape([-1, -1]), (x) => x!.reshape([4, 2])],
  }),
};

const NORM = { inputs: ['4,3', '3', '3'], dtype: ['i32 4,3', 'i32 3', 'i32 3'] } as const;

const FUNCTIONAL_OPS: Readonly<Record<string, Row>> = {
  conv2d: {
    run: (x, weight, bias) => F.conv2d(x!, weight!, bias),
    inputs: ['2,3,5,5', '4,3,3,3', '4'],
    rank: ['5,5', '4,3,3', '4,1'],
    shape: ['2,2,5,5', '4,2,3,3', '3'],
    dtype: ['i32 2,3,5,5', 'i32 4,3,3,3', 'i32 4'],
    options: [
      (x, w) => F.conv2d(x!, w!, null, { stride: 0 }),
      (x, w) => F.conv2d(x!, w!, null, { groups: 2 }),
      (x, w) => F.conv2d(x!, w!, null, { dilation: 3 }),
    ],
  },
  convTranspose2d: {
    run: (x, weight, bias) => F.convTranspose2d(x!, weight!, bias),
    inputs: ['2,3,5,5', '3,4,3,3', '4'],
    rank: ['5,5', '4,3,3', '4,1'],
    shape: ['2,2,5,5', '2,4,3,3', '3'],
    dtype: ['i32 2,3,5,5', 'i32 3,4,3,3', 'i32 4'],
    options: [
      (x, w) => F.convTranspose2d(x!, w!, null, { stride: 0 }),
      (x, w) => F.convTranspose2d(x!, w!, null, { outputPadding: 1 }),
    ],
  },
  maxPool2d: {
    run: (x) => F.maxPool2d(x!, 2),
    ...POOL,
    options: [(x) => F.maxPool2d(x!, 0), (x) => F.maxPool2d(x!, 2, { padding: 2 })],
  },
  maxPool2dWithIndices: {
    run: (x) => F.maxPool2dWithIndices(x!, 2),
    ...POOL,
    options: [(x) => F.maxPool2dWithIndices(x!, 5)],
    says: 'maxPool2d',
  },
  adaptiveMaxPool2d: {
    run: (x) => F.adaptiveMaxPool2d(x!, 3),
    ...POOL,
    options: [(x) => F.adaptiveMaxPool2d(x!, -1)],
  },
  adaptiveMaxPool2dWithIndices: {
    run: (x) => F.adaptiveMaxPool2dWithIndices(x!, 3),
    ...POOL,
    options: [(x) => F.adaptiveMaxPool2dWithIndices(x!, 0.5)],
    says: 'adaptiveMaxPool2d',
  },
  avgPool2d: {
    run: (x) => F.avgPool2d(x!, 2),
    ...POOL,
    options: [(x) => F.avgPool2d(x!, 5), (x) => F.avgPool2d(x!, 2, { padding: 2 })],
  },
  adaptiveAvgPool2d: {
    run: (x) => F.adaptiveAvgPool2d(x!, 3),
    ...POOL,
    options: [(x) => F.adaptiveAvgPool2d(x!, [1, -1])],
  },
  localResponseNorm: {
    run: (x) => F.localResponseNorm(x!, 3),
    inputs: ['2,4,3'],
    rank: ['4'],
    dtype: ['i32 2,4,3'],
    options: [(x) => F.localResponseNorm(x!, 0)],
  },
  linear: {
    run: (x, weight, bias) => F.linear(x!, weight!, bias),
    inputs: ['2,3', '4,3', '4'],
    rank: ['f32', '3', '4,1'],
    shape: ['2,4', '4,2', '3'],
    dtype: ['i32 2,3', 'i32 4,3', 'i32 4'],
  },
  batchNorm: {
    run: (x, weight, bias, mean, variance) => F.batchNorm(x!, mean!, variance!, weight, bias),
    inputs: ['4,3', '3', '3', '3', '3'],
    rank: ['3', '3,1', '3,1', '3,1', '3,1'],
    shape: ['4,2', '4', '4', '4', '4'],
    dtype: ['i32 4,3', 'i32 3', 'i32 3', 'i32 3', 'i32 3'],
    options: [
      (x, _, __, mean) => F.batchNorm(x!, mean!, null),
      (x) => F.batchNorm(x!, null, null, null, null, { training: false }),
    ],
  },
  layerNorm: {
    run: (x, weight, bias) => F.layerNorm(x!, [3], weight, bias),
    ...NORM,
    rank: ['f32', '3,1', '3,1'],
    shape: ['4,2', '4', '4'],
    options: [(x) => F.layerNorm(x!, [])],
  },
  relu: TENSOR_OPS.relu!,
  relu6: TENSOR_OPS.relu6!,
  ...Object.fromEntries(
    ['hardtanh', 'leakyRelu', 'elu', 'gelu', 'silu', 'softplus', 'sigmoid', 'tanh'].map((name) => [
      name,
      TENSOR_OPS[name]!,
    ]),
  ),
  prelu: {
    run: (x, weight) => F.prelu(x!.neg(), weight!), // the slope counts below 0 alone
    inputs: ['2,3', '3'],
    shape: [null, '2'],
    dtype: ['i32 2,3', 'i32 3'],
  },
  softmax: TENSOR_OPS.softmax!,
  logSoftmax: TENSOR_OPS.logSoftmax!,
  dropout: elementwise((x) => F.dropout(x!, 0.25), {
    options: [(x) => F.dropout(x!, 1.5), (x) => F.dropout(x!, -1)],
  }),
  dropout2d: {
    run: (x) => F.dropout2d(x!, 0.25),
    inputs: ['2,3,4,4'],
    rank: ['2,3'],
    dtype: ['i32 2,3,4,4'],
    options: [(x) => F.dropout2d(x!, NaN)],
  },
  crossEntropy: {
    run: (logits, target, weight) => F.crossEntropy(logits!, target!, { weight }),
    constant: [2],
    inputs: ['2,3', 'i32 2', '3'],
    rank: ['f32', 'i32 2,1', '3,1'],
    shape: ['3,3', 'i32 3', '2'],
    dtype: ['i32 2,3', null, 'i32 3'],
    options: [
      (x, t) => F.crossEntropy(x!, t!, { labelSmoothing: 2 }),
      (x, t) => F.crossEntropy(x!, t!, { reduction: 'all' as never }),
    ],
  },
  nllLoss: {
    run: (logP, target, weight) => F.nllLoss(logP!, target!, { weight }),
    constant: [2],
    inputs: ['2,3', 'i32 2', '3'],
    rank: ['f32', 'i32 2,1', '3,1'],
    shape: ['3,3', 'i32 3', '2'],
    dtype: ['i32 2,3', '2', 'i32 3'],
    options: [(x, t) => F.nllLoss(x!, t!, { reduction: 'all' as never })],
  },
  mseLoss: { run: (x, t) => F.mseLoss(x!, t!), ...LOSS },
  l1Loss: { run: (x, t) => F.l1Loss(x!, t!), ...LOSS },
  smoothL1Loss: {
    run: (x, t) => F.smoothL1Loss(x!, t!),
    ...LOSS,
    options: [(x, t) => F.smoothL1Loss(x!, t!, { beta: -1 })],
  },
  huberLoss: {
    run: (x, t) => F.huberLoss(x!, t!),
    ...LOSS,
    options: [(x, t) => F.huberLoss(x!, t!, { delta: 0 })],
  },
  binaryCrossEntropyWithLogits: {
    run: (x, t, weight) => F.binaryCrossEntropyWithLogits(x!, t!, { weight }),
    constant: [2],
    inputs: ['2,3', '2,3', '3'],
    shape: ['2,4', '2,4', '2'],
    dtype: ['i32 2,3', 'i32 2,3', 'i32 3'],
  },
  pad: elementwise((x) => F.pad(x!, [1, 1]), {
    dtype: [null],
    options: [
      (x) => F.pad(x!, [1]),
      (x) => F.pad(x!, [1, 1, 1, 1, 1, 1]),
      (x) => F.pad(x!, [9, 9], { mode: 'reflect' }),
    ],
  }),
  oneHot: {
    run: (x) => F.oneHot(x!, 3),
    inputs: ['i32 2,3'],
    dtype: ['2,3'],
    options: [(x) => F.oneHot(x!, -1)],
    ...NO_GRADIENT,
  },
};

const COMBINING_OPS: Readonly<Record<string, Row>> = {
  cat: {
    run: (a, b) => sg.cat([a!, b!], 1),
    inputs: ['2,3', '2,4'],
    rank: ['2,3,1', '2,4,1'],
    shape: ['3,3', '3,4'],
    dtype: ['i32 2,3', 'i32 2,4'],
    options: [(a, b) => sg.cat([a!, b!], 2), () => sg.cat([])],
  },
  stack: {
    run: (a, b) => sg.stack([a!, b!]),
    inputs: ['2,3', '2,3'],
    rank: ['3', '2,3,1'],
    shape: ['2,4', '2,4'],
    dtype: ['i32 2,3', 'i32 2,3'],
    options: [(a, b) => sg.stack([a!, b!], 3), () => sg.stack([])],
  },
  where: {
    ...TENSOR_OPS.where!,
    run: (condition, a, b) => sg.where(condition!, a!, b!),
  },
  split: { ...TENSOR_OPS.split!, run: (x) => sg.split(x!, 2, 1) },
  chunk: { ...TENSOR_OPS.chunk!, run: (x) => sg.chunk(x!, 2, 1) },
};

/** What is of Tensor and no op. */
const NO_OPS =
  'constructor data item toArray backward registerHook retainGrad detach requiresGrad_ dispose ' +
  'format toString copy_ fill_ numel ndim grad gradArray checkInPlace T';

function parse(spec: Spec): { shape: number[]; dtype: DType } {
  const [, dtype, sizes] = /^(?:(f32|i32|u32) ?)?(.*)$/.exec(spec)!;
  return {
    shape: sizes ? sizes.split(',').map(Number) : [],
    dtype: (dtype ?? 'f32') as DType,
  };
}

/** A tensor of numbers from 0.5 to 1.5, or of 0 and 1. */
function make(spec: Spec, seed: number, requiresGrad = false, device?: Device): sg.Tensor {
  const { shape, dtype } = parse(spec);
  const count = shape.reduce((a, b) => a * b, 1);
  const values = uniform(count, seed + 1, 0.5, 1.5);
  const data = dtype === 'f32' ? values : values.map(Math.floor);
  if (!device)
    return sg.tensor(data, { shape, dtype, requiresGrad: requiresGrad && dtype === 'f32' });
  const typed =
    dtype === 'f32' ? data : dtype === 'i32' ? Int32Array.from(data) : Uint32Array.from(data);
  return new sg.Tensor(GpuArray.from(typed, shape, device));
}

const makeAll = ({ inputs, constant }: Row, requiresGrad = false) =>
  inputs.map((spec, i) => make(spec, i, requiresGrad && !constant?.includes(i)));

/** Runs an op with the same random numbers each time. @returns its first result. */
function first({ run }: Row, inputs: readonly sg.Tensor[]): sg.Tensor {
  sg.manualSeed(1);
  const result = run(...inputs);
  return result instanceof sg.Tensor ? result : result[0]!;
}

function expectError(
  act: () => unknown,
  types: readonly { new (...args: never[]): sg.ShadegradError; readonly name: string }[],
  what: string,
  says?: string,
): void {
  let error: unknown = null;
  try {
    act();
  } catch (thrown) {
    error = thrown;
  }
  const names = types.map(({ name }) => name).join(' or ');
  expect(error, `${what}: expected ${names}`).toBeInstanceOf(Error);
  const fits = types.some((type) => error instanceof type);
  expect(fits, `${what}: expected ${names}, got ${String(error)}`).toBe(true);
  if (says) expect((error as Error).message, what).toContain(`${says}: expected `);
}

const rows: [string, Row][] = [
  ...Object.entries(TENSOR_OPS).map(([name, row]): [string, Row] => [`x.${name}`, row]),
  ...Object.entries(FUNCTIONAL_OPS).map(([name, row]): [string, Row] => [
    `functional.${name}`,
    row,
  ]),
  ...Object.entries(COMBINING_OPS).map(([name, row]): [string, Row] => [name, row]),
];

describe.each(rows)('%s', (name, row) => {
  const says = row.says ?? name.replace(/.*\./, '');
  /** The inputs, with one of them replaced. */
  const withInput = (i: number, spec: Spec) => {
    const inputs = makeAll(row);
    inputs[i] = make(spec, i);
    return inputs;
  };

  tidyTest('refuses wrong ranks, shapes, dtypes and options', () => {
    for (const i of row.inputs.keys()) {
      for (const kind of ['rank', 'shape'] as const) {
        const spec = row[kind]?.[i];
        if (typeof spec === 'string') {
          const inputs = withInput(i, spec);
          expectError(() => row.run(...inputs), [sg.ShapeError], `input ${i} of ${spec}`);
        }
      }
      const spec = row.dtype[i];
      if (typeof spec === 'string') {
        const inputs = withInput(i, spec);
        expectError(() => row.run(...inputs), [sg.DTypeError], `input ${i} of ${spec}`, says);
      } else {
        const { shape, dtype } = parse(row.inputs[i]!);
        const other = `${dtype === 'f32' ? 'i32' : 'f32'} ${shape.join()}`;
        if (spec === null && row.inputs.length === 1) row.run(...withInput(i, other));
      }
    }
    for (const [i, option] of (row.options ?? []).entries()) {
      const act = () => option(...makeAll(row));
      expectError(act, [sg.ArgumentError, sg.ShapeError], `option ${i}`);
    }
  });

  tidyTest('refuses disposed inputs', () => {
    for (const i of row.inputs.keys()) {
      const inputs = makeAll(row);
      inputs[i]!.dispose();
      expectError(() => row.run(...inputs), [sg.DisposedError], `input ${i} disposed`);
    }
  });

  if (row.differentiable === false) {
    tidyTest('has no gradient', () => {
      expect(first(row, makeAll(row, true)).requiresGrad).toBe(false);
    });
    return;
  }

  tidyTest('refuses backward twice, without a graph, and of several elements', () => {
    const plain = first(row, makeAll(row));
    expectError(() => plain.backward(), [sg.AutogradError], 'no graph', 'backward');
    const inputs = makeAll(row, true);
    const unrecorded = sg.noGrad(() => first(row, inputs));
    expectError(() => unrecorded.backward(), [sg.AutogradError], 'within noGrad');
    const y = first(row, inputs);
    if (y.numel !== 1) {
      expectError(() => y.backward(), [sg.AutogradError], 'several elements', 'backward');
    }
    const gradient = sg.onesLike(y);
    y.backward({ gradient, retainGraph: true });
    y.backward({ gradient });
    expectError(() => y.backward({ gradient }), [sg.AutogradError], 'a third backward');
  });

  tidyTest('notices a change in place of what backward needs', async () => {
    const gradients = async (change?: (inputs: sg.Tensor[], y: sg.Tensor) => void) => {
      const inputs = makeAll(row, true);
      const y = first(row, inputs);
      sg.noGrad(() => change?.(inputs, y));
      try {
        y.backward({ gradient: sg.onesLike(y) });
      } catch (error) {
        expect(error).toBeInstanceOf(sg.AutogradError);
        expect((error as Error).message).toContain('was changed in place after forward');
        return null;
      }
      return Promise.all(inputs.map(async ({ grad }) => grad && [...(await grad.data())]));
    };
    const expected = await gradients();
    for (const i of row.inputs.keys()) {
      const got = await gradients((inputs) => inputs[i]!.fill_(3));
      if (got) expect(got, `input ${i} changed, and no error`).toEqual(expected);
    }
    const got = await gradients((_, y) => y.detach().fill_(3));
    if (got) expect(got, 'result changed, and no error').toEqual(expected);
  });

  tidyTest(row.nan === 'none' ? 'takes NaN' : 'passes NaN on', async () => {
    for (const [i, spec] of row.inputs.entries()) {
      const { dtype, shape } = parse(spec);
      if (dtype !== 'f32') continue;
      const inputs = makeAll(row);
      inputs[i] = sg.full(shape, NaN);
      const values = await first(row, inputs).data();
      expect(values.some(Number.isNaN), `a NaN from input ${i}`).toBe(row.nan !== 'none');
    }
  });
});

plainTest('tensors of two devices are refused by every op of two', async () => {
  await withDevice((device) => {
    sg.tidy(() => {
      for (const [name, row] of rows) {
        if (row.inputs.length < 2) continue;
        for (const [i, spec] of row.inputs.entries()) {
          const inputs = makeAll(row);
          inputs[i] = make(spec, i, false, device);
          expectError(() => row.run(...inputs), [sg.DeviceError], `${name}, input ${i}`);
        }
      }
    });
  });
});

describe('the table has a row for every op', () => {
  plainTest('of Tensor', () => {
    const names = Object.getOwnPropertyNames(sg.Tensor.prototype);
    const others = NO_OPS.split(' ');
    expect(names.filter((name) => !others.includes(name)).sort()).toEqual(
      Object.keys(TENSOR_OPS).sort(),
    );
  });

  plainTest('of nn.functional', () => {
    expect(Object.keys(F).sort()).toEqual(Object.keys(FUNCTIONAL_OPS).sort());
  });
});
