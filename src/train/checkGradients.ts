import { noGrad, tidy } from '../autograd/scope.js';
import { ArgumentError, DTypeError, formatShape } from '../errors.js';
import type { Shape, TypedArray } from '../gpu/dtype.js';
import { alignColumns } from '../textTable.js';
import { CrossEntropyLoss, type Module } from '../nn/index.js';
import { defaultGenerator, Generator } from '../random/generator.js';
import { rand, randn, zerosLike } from '../tensor/creation.js';
import { readResult, weightedChange, withSameDraws } from '../tensor/differences.js';
import { grad } from '../tensor/grad.js';
import type { Tensor } from '../tensor/tensor.js';

export interface CheckGradientsOptions {
  /** Called with the model's output and the target; gives a scalar. Default CrossEntropyLoss. */
  loss?: Module;
  /** Directions of each kind for each parameter. Default 2. */
  samples?: number;
  /** The largest relative difference along the gradient; across it, five times as much. Default 0.05. */
  tolerance?: number;
  /** Of the directions. Default 1. */
  seed?: number;
  /** Whose numbers the model draws, for dropout: each evaluation gets the same. Default: the generator that manualSeed seeds. */
  generator?: Generator;
  /** Called with each row as soon as it is there, how many there are, and how many there will be. */
  onRow?: (row: GradientRow, done: number, all: number) => void;
}

/** What became of one parameter. */
export interface GradientRow {
  /** Path of the layer: `features.0`. The first row is the loss itself: `(loss)`. */
  layer: string;
  /** Its name in the layer: `weight`. */
  parameter: string;
  shape: Shape;
  /** How many elements were checked: each direction moves all of them. */
  elements: number;
  /** The norm of the gradient that backpropagation gave. */
  norm: number;
  /** The largest |analytic - numeric|, for a step of length 1. */
  absolute: number;
  /** The largest relative difference along the gradient; null where that is 0. */
  along: number | null;
  /** The largest relative difference in random directions. */
  across: number;
  passed: boolean;
}

/** How well backpropagation agrees with differences, by parameter; `toString()` gives it as a table. */
export class GradientReport {
  constructor(
    readonly rows: readonly GradientRow[],
    readonly tolerance: number,
  ) {}

  get passed(): boolean {
    return this.rows.every(({ passed }) => passed);
  }

  toString(): string {
    const header = ['Layer', 'Parameter', 'Shape', 'Elements', 'Gradient'];
    const lines = alignColumns(
      [
        [...header, 'Absolute', 'Along', 'Across', 'Result'],
        ...this.rows.map((row) => [
          ...[row.layer, row.parameter, formatShape(row.shape)],
          row.elements.toLocaleString('en-US'),
          ...[row.norm, row.absolute, row.along, row.across].map(figure),
          row.passed ? 'pass' : 'FAIL',
        ]),
      ],
      3,
    );
    const width = lines.reduce((most, { length }) => Math.max(most, length), 0);
    const failed = this.rows.filter(({ passed }) => !passed).length;
    return [
      lines[0],
      '-'.repeat(width),
      ...lines.slice(1),
      '-'.repeat(width),
      failed === 0
        ? `All ${this.rows.length} agree: within ${this.tolerance} along the gradient, ${ACROSS * this.tolerance} across it, or as near as f32 can tell.`
        : `${failed} of ${this.rows.length} differ by more than ${this.tolerance} along the gradient, or ${ACROSS * this.tolerance} across it.`,
    ].join('\n');
  }
}

/**
 * Steps of a difference, in multiples of the typical size of a layer's numbers, smallest first. Small
 * ones drown in rounding, large ones leave the straight part of the curve, or cross corners of ReLU
 * and max pooling; which are best differs by the network and the layer.
 */
const LEVELS = [2e-5, 1e-4, 5e-4, 2.5e-3, 1.25e-2, 6.25e-2, 0.3125] as const;
const INNER_LEVELS = [1, 2, 3, 4, 5] as const;
/** Corners that are crossed add up at random in a random direction, in a deep network to some percent. */
const ACROSS = 5;
/** A change of the output smaller than this share of it is rounding: 4 times that of one f32. */
const ROUNDING = 2 ** -22;
/** Steps that agree to this share of the tolerance end the search for the best one. */
const AGREEMENT = 0.2;
/** For parameters that are all 0. */
const SCALE_OF_ZEROS = 0.01;

/**
 * Compares backpropagation through a network with numerical differentiation, parameter by parameter.
 *
 * A parameter is moved by h along a direction v, and the change of the loss L compared with what
 * backward's gradient g says:
 *
 *   (L(w + h v) - L(w - h v)) / 2h = g v
 *
 * GPUs compute in f32, so differences for single weights of a deep network are mostly noise. Hence
 * directions move all elements at once: some lie _along_ the gradient (each element of g times a random
 * number from 0 to 1), where the loss changes most, and the comparison is sharp; others go _across_ it
 * (random normal numbers), and see what g left out. L is the network's output times the loss's
 * gradient at it, added up in float64, which has the same gradient and less rounding; the loss itself
 * has a row of its own. The step h of each direction is the one that agrees best with its neighbours.
 * The relative difference is |g v - numeric| / max(|g v|, |numeric|), across also over |g| where that is
 * larger, as g v may happen to be near 0. Differences that rounding explains pass.
 *
 * The model is checked in the mode that it is in: dropout draws the same numbers each time, and batch
 * norm in training mode uses the batch's statistics. Parameters, their `grad`, buffers and the random
 * state are as before when it returns; do not use the model until then. Frozen parameters are left out.
 *
 * @param model   Its forward takes `x` alone.
 * @param x       A batch; a few examples are enough.
 * @param target  As the loss takes it: class indices (N) for CrossEntropyLoss.
 * @throws ArgumentError if no parameter requires grad, for samples below 1 and a tolerance of 0 or less;
 *   DTypeError for a parameter that is not f32.
 * Source: https://cs231n.github.io/neural-networks-3/#gradcheck
 *
 * @example
 * const report = await sg.train.checkGradients(model, x, labels);
 * console.log(String(report), report.passed);
 */
export async function checkGradients(
  model: Module,
  x: Tensor,
  target: Tensor,
  options: CheckGradientsOptions = {},
): Promise<GradientReport> {
  const { loss = new CrossEntropyLoss(), generator = defaultGenerator, onRow } = options;
  const { samples = 2, tolerance = 0.05, seed = 1 } = options;
  const checked = checkArguments(model, samples, tolerance);
  const buffers = model.buffers().map(({ array }) => ({ array, copy: array.copy() }));
  const held: Tensor[] = [];
  try {
    const { output, slopes, gradients } = backpropagate(
      model,
      loss,
      x,
      target,
      checked.map(([, parameter]) => parameter),
      generator,
    );
    held.push(output, slopes, ...gradients);
    const weights = await slopes.data();
    const values = await output.data();
    const levels = { along: 3, across: 3 };
    const plan = { samples, tolerance, directions: new Generator(seed), levels };
    const rows: GradientRow[] = [];
    const add = (key: string, moved: Tensor, found: Checked): void => {
      const at = key.lastIndexOf('.');
      const row = {
        ...{ layer: key.slice(0, Math.max(at, 0)), parameter: key.slice(at + 1) },
        ...{ shape: moved.shape, elements: moved.numel, ...found },
      };
      rows.push(row);
      onRow?.(row, rows.length, checked.length + 1);
    };

    const lossOf = (): Promise<TypedArray> =>
      readResult('checkGradients', () => loss.forward(output, target), generator);
    const size = magnitude(await lossOf(), null);
    const forLoss = { read: lossOf, weights: null, size, scale: await scaleOf([output]) };
    add('(loss).input', output, await check(output, slopes, forLoss, plan));

    const result = {
      read: () => readResult('checkGradients', () => model.forward(x), generator),
      weights,
      size: magnitude(values, weights),
    };
    for (const [i, [key, parameter]] of checked.entries()) {
      const scale = await scaleOf(layerOf(model, parameter).filter(({ dtype }) => dtype === 'f32'));
      add(key, parameter, await check(parameter, gradients[i]!, { ...result, scale }, plan));
      gradients[i]!.dispose();
    }
    return new GradientReport(rows, tolerance);
  } finally {
    for (const one of held) one.dispose();
    for (const { array, copy } of buffers) {
      array.copyFrom(copy);
      copy.release();
    }
  }
}

/** The function whose slope is measured: sum weights * read(), as the moved tensor has it. */
interface Objective {
  read: () => Promise<TypedArray>;
  weights: TypedArray | null;
  /** sum |weights * read()| where nothing is moved. */
  size: number;
  /** The typical size of what is moved. */
  scale: number;
}

interface Plan {
  samples: number;
  tolerance: number;
  directions: Generator;
  /** Which step was best for the direction before, of either kind. */
  levels: { along: number; across: number };
}

type Checked = Pick<GradientRow, 'norm' | 'absolute' | 'along' | 'across' | 'passed'>;

/** The trainable parameters by key. */
function checkArguments(model: Module, samples: number, tolerance: number): [string, Tensor][] {
  const op = 'checkGradients';
  if (!Number.isInteger(samples) || samples < 1) {
    throw new ArgumentError(op, 'samples of 1 or more', samples);
  }
  if (!(tolerance > 0)) throw new ArgumentError(op, 'a tolerance above 0', tolerance);
  const trainable = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
  if (trainable.length === 0) {
    const fix = 'Call model.requiresGrad_() on what is to be checked.';
    throw new ArgumentError(op, 'a model with parameters that require grad', 'none', fix);
  }
  for (const [key, { dtype }] of trainable) {
    if (dtype === 'f32') continue;
    const fix = 'The digits of f16 are too few for differences.';
    throw new DTypeError(op, `${key} of f32`, dtype, fix);
  }
  return trainable;
}

/** The output as a leaf, dL/doutput, and what backward gives for each of `parameters`. */
function backpropagate(
  model: Module,
  loss: Module,
  x: Tensor,
  target: Tensor,
  parameters: readonly Tensor[],
  generator: Generator,
): { output: Tensor; slopes: Tensor; gradients: Tensor[] } {
  return withSameDraws(generator, () =>
    tidy(() => {
      const y = model.forward(x);
      const output = noGrad(() => y.clone()).requiresGrad_();
      const [slopes] = grad(loss.forward(output, target), [output]);
      const options = { gradient: slopes!, allowUnused: true };
      const given = y.requiresGrad ? grad(y, parameters, options) : [];
      // Without a path from a parameter to the output its gradient is 0.
      const gradients = parameters.map((parameter, i) => given[i] ?? zerosLike(parameter));
      return { output, slopes: slopes!, gradients };
    }),
  );
}

/** Compares in `samples` directions along the gradient and as many across it. */
async function check(
  moved: Tensor,
  gradient: Tensor,
  objective: Objective,
  { samples, tolerance, directions, levels }: Plan,
): Promise<Checked> {
  const norm = Math.sqrt(await readScalar(() => gradient.square().sum()));
  let [absolute, across] = [0, 0];
  let along: number | null = null;
  let passed = true;
  const base = noGrad(() => moved.clone());
  try {
    for (let i = 0; i < 2 * samples; i++) {
      const isAlong = i < samples;
      if (isAlong && norm === 0) continue;
      using direction = noGrad(() =>
        normalized(
          isAlong
            ? gradient.mul(rand(gradient.shape, { generator: directions }))
            : randn(gradient.shape, { generator: directions }),
        ),
      );
      const analytic = await readScalar(() => gradient.mul(direction).sum());
      const typical = isAlong ? 0 : norm / Math.sqrt(moved.numel);
      const kind = isAlong ? 'along' : 'across';
      const allowed = isAlong ? tolerance : ACROSS * tolerance;
      const found = await slopeAlong(
        (h) => changeOf(objective, moved, base, direction, h),
        objective.scale * Math.sqrt(moved.numel), // so that elements move by the scale
        levels[kind],
        AGREEMENT * allowed,
        typical,
      );
      const { slope: numeric, step } = found;
      levels[kind] = found.level;
      const difference = Math.abs(analytic - numeric);
      const largest = Math.max(Math.abs(analytic), Math.abs(numeric), typical);
      const relative = difference === 0 ? 0 : difference / largest;
      absolute = Math.max(absolute, difference);
      if (isAlong) along = Math.max(along ?? 0, relative);
      else across = Math.max(across, relative);
      const isRounding = 2 * step * difference <= ROUNDING * objective.size;
      // Written so that NaN fails.
      if (!(relative <= allowed || isRounding)) passed = false;
    }
  } finally {
    noGrad(() => moved.copy_(base));
    base.dispose();
  }
  return { norm, absolute, along, across, passed };
}

/** What the objective changes by from h behind to h before the base; `moved` is then anywhere. */
async function changeOf(
  { read, weights }: Objective,
  moved: Tensor,
  base: Tensor,
  direction: Tensor,
  h: number,
): Promise<number> {
  using move = noGrad(() => direction.mul(h));
  const readAt = (place: () => Tensor): Promise<TypedArray> => {
    noGrad(() => moved.copy_(place()));
    return read();
  };
  const [high, low] = await Promise.all([
    readAt(() => base.add(move)),
    readAt(() => base.sub(move)),
  ]);
  return weightedChange(high, low, weights);
}

/** The slope of a function at 0, and the step by which it was found. */
interface Slope {
  slope: number;
  step: number;
  /** Of that step, in LEVELS. */
  level: number;
}

/**
 * The slope at 0 of a function known by its central differences: that of the step which agrees best
 * with the next smaller and the next larger one.
 *
 * @param changeAt   f(h) - f(-h).
 * @param start      The level to begin with.
 * @param agreement  Steps that agree to this share are good enough.
 * @param typical    The size of a slope, where this one may be small by chance.
 */
async function slopeAlong(
  changeAt: (h: number) => Promise<number>,
  scale: number,
  start: number,
  agreement: number,
  typical: number,
): Promise<Slope> {
  const seen = new Map<number, number>();
  const slopeAt = async (level: number): Promise<number> => {
    const step = LEVELS[level]! * scale;
    const slope = seen.get(level) ?? (await changeAt(step)) / (2 * step);
    seen.set(level, slope);
    return slope;
  };
  let best = { slope: NaN, step: 0, level: start, gap: Infinity };
  const others = INNER_LEVELS.filter((level) => level !== start);
  for (const level of [start, ...others]) {
    const slopes: number[] = [];
    for (const neighbour of [level - 1, level, level + 1]) slopes.push(await slopeAt(neighbour));
    const [smaller, slope, larger] = slopes as [number, number, number];
    // Two may agree by chance, three hardly.
    const gap = Math.max(Math.abs(slope - smaller), Math.abs(larger - slope));
    if (gap < best.gap) best = { slope, step: LEVELS[level]! * scale, level, gap };
    if (gap <= agreement * Math.max(...slopes.map(Math.abs), typical)) break;
  }
  return best;
}

/** `direction` with length 1. */
function normalized(direction: Tensor): Tensor {
  // By the largest first: squares of small gradients would vanish.
  const sized = direction.div(direction.abs().max());
  return sized.div(sized.square().sum().sqrt());
}

/** The parameters of the module that `parameter` belongs to itself. */
function layerOf(model: Module, parameter: Tensor): Tensor[] {
  const owners = model.modules().map((module) => module.parameters() as Tensor[]);
  // The last that has it is the innermost.
  return owners.filter((own) => own.includes(parameter)).at(-1)!;
}

/** The root mean square of all elements. */
async function scaleOf(tensors: readonly Tensor[]): Promise<number> {
  let [sum, count] = [0, 0];
  for (const one of tensors) {
    sum += await readScalar(() => one.square().sum());
    count += one.numel;
  }
  return Math.sqrt(sum / count) || SCALE_OF_ZEROS;
}

function magnitude(values: TypedArray, weights: TypedArray | null): number {
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += Math.abs(values[k]! * (weights?.[k] ?? 1));
  return sum;
}

async function readScalar(fn: () => Tensor): Promise<number> {
  return (await noGrad(() => ({ data: fn().data() })).data)[0]!;
}

function figure(value: number | null): string {
  return value === null ? '-' : value === 0 ? '0' : value.toExponential(1);
}
