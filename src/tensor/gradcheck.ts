import { tidy } from '../autograd/scope.js';
import { ArgumentError, DTypeError, GradientError } from '../errors.js';
import type { TypedArray } from '../gpu/dtype.js';
import { defaultGenerator, type Generator } from '../random/generator.js';
import { toUnit, philox } from '../random/philox.js';
import { tensor } from './creation.js';
import { checkOutput, readResult, weightedChange, withSameDraws } from './differences.js';
import { grad } from './grad.js';
import type { Tensor } from './tensor.js';

export interface NumericalGradientOptions {
  /**
   * Half the distance between the two points of a difference. Default 1e-2.
   *
   * A difference of f32 values is wrong in two ways. The curve bends: by about eps^2 f'''(x) / 6. And
   * values round: by about 2^-24 |f(x)| / eps, a few times that where a GPU computes exp or tanh. A
   * small eps makes the second large, and both are smallest together near eps = (3 * 2^-24)^(1/3),
   * about 6e-3: there some four digits are right. PyTorch's 1e-6 needs float64, which GPUs lack.
   */
  eps?: number;
  /** dL/dy, of the shape of what `fn` returns. Default all 1: the gradient of the sum. */
  gradient?: Tensor;
  /** Whose numbers `fn` draws, for dropout: each evaluation gets the same. Default: the generator that manualSeed seeds. */
  generator?: Generator;
}

export interface GradcheckOptions extends Omit<NumericalGradientOptions, 'gradient'> {
  /** The largest difference |analytic - numeric| allowed is atol + rtol |numeric|. Default 1e-3. */
  atol?: number;
  /** Default 1e-2. */
  rtol?: number;
  /** Most elements of each input that are checked, spread evenly. Default 64. */
  samples?: number;
}

export interface GradcheckReport {
  /** One for each input that requires grad. */
  inputs: {
    /** Its place among the inputs. */
    input: number;
    /** How many of its elements were checked. */
    checked: number;
    /** The largest |analytic - numeric|. */
    largestError: number;
    /** The largest |analytic|: 0 says that nothing was proven. */
    largestGradient: number;
  }[];
}

const EPS = 1e-2;

/**
 * The gradient of `fn` by central differences, without any backward:
 *
 *   dL/dx[i] = (L(x[i] + eps) - L(x[i] - eps)) / (2 eps),   L = sum gradient * fn(inputs)
 *
 * It evaluates `fn` twice for each element. Inputs are changed in place meanwhile, so `fn` may
 * reach them as it likes, and are back to the same bits when this returns.
 *
 * @param fn      Takes the inputs and returns one tensor, of any shape.
 * @param inputs  Tensors; those that do not require grad are left alone.
 * @returns for each input a new tensor of its shape, or null if it does not require grad.
 * @throws DTypeError for an input that requires grad and is not f32.
 *
 * @example
 * const x = sg.tensor([1, 2, 3], { requiresGrad: true });
 * const [dx] = await sg.autograd.numericalGradient((x) => x.square(), [x]);
 * await dx.toArray(); // about [2, 4, 6]
 */
export async function numericalGradient(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: NumericalGradientOptions = {},
): Promise<(Tensor | null)[]> {
  const weights = (await options.gradient?.data()) ?? null;
  const results: (Tensor | null)[] = [];
  for (const x of inputs) {
    const slopes =
      x.requiresGrad &&
      (await differences(
        'numericalGradient',
        fn,
        inputs,
        x,
        everyIndex(x.numel),
        weights,
        options,
      ));
    results.push(slopes ? tensor(Float32Array.from(slopes), { shape: x.shape }) : null);
  }
  return results;
}

/**
 * Compares the gradients that backward gives with central differences: the test for an op or a
 * layer of your own. Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
 *
 * If `fn` returns several elements, their sum is checked, each times a fixed random number from 0.5
 * to 1.5. Inputs, their `grad`, the random state and GPU memory are as before when it returns.
 * Keep inputs further than eps from where `fn` has a corner (relu at 0) or a jump.
 *
 * @param fn      Takes the inputs and returns one tensor; called many times, it must always do the same.
 * @param inputs  Tensors, of which at least one requires grad; the others are passed on.
 * @returns how large the differences are.
 * @throws GradientError for the first element where they are too large, with input, index, analytic
 *   and numeric value; ArgumentError if no input requires grad; DTypeError for one that is not f32.
 *
 * @example
 * const linear = new sg.nn.Linear(3, 2);
 * const x = sg.randn([4, 3], { requiresGrad: true });
 * await sg.autograd.gradcheck((x) => linear.forward(x).tanh(), [x, linear.weight, linear.bias]);
 */
export async function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<GradcheckReport> {
  const { atol = 1e-3, rtol = 1e-2, samples = 64, generator = defaultGenerator } = options;
  const checked = inputs.filter((x) => x.requiresGrad);
  if (checked.length === 0) {
    throw new ArgumentError(
      'gradcheck',
      'at least one input that requires grad',
      'none',
      'Create it with { requiresGrad: true }.',
    );
  }
  const { analytic, weights } = await analyticGradients(fn, inputs, checked, generator);

  const report: GradcheckReport = { inputs: [] };
  for (const [nth, x] of checked.entries()) {
    const input = inputs.indexOf(x);
    const indices = everyIndex(x.numel, samples);
    const numeric = await differences('gradcheck', fn, inputs, x, indices, weights, options);
    let [largestError, largestGradient] = [0, 0];
    for (const [i, index] of indices.entries()) {
      const [a, n] = [analytic[nth]![index]!, numeric[i]!];
      const error = Math.abs(a - n);
      // Written so that NaN fails.
      if (!(error <= atol + rtol * Math.abs(n))) {
        throw new GradientError(input, indexIn(x.shape, index), a, n);
      }
      largestError = Math.max(largestError, error);
      largestGradient = Math.max(largestGradient, Math.abs(a));
    }
    report.inputs.push({ input, checked: indices.length, largestError, largestGradient });
  }
  return report;
}

/** What backward gives for each of `checked`, and the weights of the outputs. */
async function analyticGradients(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  checked: readonly Tensor[],
  generator: Generator,
): Promise<{ analytic: TypedArray[]; weights: TypedArray }> {
  const pending = withSameDraws(generator, () =>
    tidy(() => {
      const y = checkOutput('gradcheck', fn(...inputs));
      const weights = randomWeights(y.numel);
      const gradient = tensor(weights, { shape: y.shape }).to(y.dtype);
      // Without a path from an input to y its gradient is 0.
      const gradients = y.requiresGrad ? grad(y, checked, { gradient, allowUnused: true }) : [];
      const analytic = checked.map(
        (x, i) => gradients[i]?.data() ?? Promise.resolve(new Float32Array(x.numel)),
      );
      return { analytic, weights: gradient.data() };
    }),
  );
  return { analytic: await Promise.all(pending.analytic), weights: await pending.weights };
}

const AT_ONCE = 16; // elements whose differences are under way on the GPU together

/** Central differences of sum(weights * fn(inputs)) with respect to the elements `indices` of `x`. */
async function differences(
  op: string,
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  x: Tensor,
  indices: readonly number[],
  weights: TypedArray | null,
  { eps = EPS, generator = defaultGenerator }: NumericalGradientOptions,
): Promise<number[]> {
  if (!(eps > 0)) throw new ArgumentError(op, 'an eps above 0', eps);
  if (x.dtype !== 'f32') {
    const fix = 'The digits of f16 are too few for differences.';
    throw new DTypeError(op, 'inputs of f32 where they require grad', x.dtype, fix);
  }
  const { array } = x;
  const values = Float32Array.from(await x.data());

  /** Starts reading what `fn` gives with another value for one element. */
  const evaluateAt = (index: number, value: number): Promise<TypedArray> => {
    const moved = values.slice();
    moved[index] = value;
    array.write(moved);
    return readResult(op, () => fn(...inputs), generator);
  };

  /** Differences of several elements: nobody sees an input that was moved, since nothing waits. */
  const start = (chunk: readonly number[]) => {
    const { version } = array.storage;
    try {
      return chunk.map((index) => {
        const [high, low] = [values[index]! + eps, values[index]! - eps].map(Math.fround);
        const [above, below] = [evaluateAt(index, high!), evaluateAt(index, low!)];
        return { distance: high! - low!, above, below }; // eps as f32 can have it here
      });
    } finally {
      array.write(values);
      array.storage.version = version; // the contents are those that a graph may have saved
    }
  };

  const slopes: number[] = [];
  for (let i = 0; i < indices.length; i += AT_ONCE) {
    for (const { distance, above, below } of start(indices.slice(i, i + AT_ONCE))) {
      const [high, low] = await Promise.all([above, below]);
      slopes.push(weightedChange(high, low, weights) / distance);
    }
  }
  return slopes;
}

/** Numbers from 0.5 to 1.5, always the same: none is so small that an output would not count. */
function randomWeights(count: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, i) => 0.5 + toUnit(philox([i, 0, 0, 0], [1, 0])[0]),
  );
}

/** At most `most` of the indices 0 to count - 1, spread evenly. */
function everyIndex(count: number, most = count): number[] {
  const length = Math.min(count, most);
  return Array.from({ length }, (_, i) => Math.floor((i * count) / length));
}

/** The place of the element `flat` in a tensor of `shape`. */
function indexIn(shape: readonly number[], flat: number): number[] {
  const index: number[] = [];
  let rest = flat;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}
