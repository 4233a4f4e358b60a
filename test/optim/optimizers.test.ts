import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { expectClose } from '../support/compare.js';
import { withBindingLimit } from '../support/limits.js';
import { uniform } from '../support/random.js';

const COUNT = 1000;
const STEPS = 12;
const START = uniform(COUNT, 1);
/** The gradients of each step; some elements have none at some steps. */
const GRADIENTS = Array.from({ length: STEPS }, (_, step) =>
  uniform(COUNT, 100 + step).map((g, i) => (i % 7 === step % 7 ? 0 : g * 10 ** (i % 5))),
);

type Reference = (p: number, g: number, state: number[], t: number) => number;

/** torch.optim.SGD, for one number. */
function sgd(o: sg.optim.SGDOptions): Reference {
  return (p, gradient, state, t) => {
    const g = (o.maximize ? -gradient : gradient) + o.weightDecay * p;
    if (o.momentum === 0) return p - o.lr * g;
    state[0] = t === 1 ? g : o.momentum * state[0]! + (1 - o.dampening) * g;
    return p - o.lr * (o.nesterov ? g + o.momentum * state[0] : state[0]);
  };
}

/** torch.optim.Adam, for one number; with `decoupled` torch.optim.AdamW. */
function adam(o: sg.optim.AdamOptions, decoupled = false): Reference {
  const [beta1, beta2] = o.betas;
  return (start, gradient, state, t) => {
    const p = decoupled ? start * (1 - o.lr * o.weightDecay) : start;
    const g = (o.maximize ? -gradient : gradient) + (decoupled ? 0 : o.weightDecay * p);
    const [m = 0, v = 0, largest = 0] = state;
    state[0] = beta1 * m + (1 - beta1) * g;
    state[1] = beta2 * v + (1 - beta2) * g * g;
    state[2] = o.amsgrad ? Math.max(largest, state[1]) : state[1];
    const denominator = Math.sqrt(state[2]) / Math.sqrt(1 - beta2 ** t) + o.eps;
    return p - ((o.lr / (1 - beta1 ** t)) * state[0]) / denominator;
  };
}

/** torch.optim.RMSprop, for one number. */
function rmsprop(o: sg.optim.RMSpropOptions): Reference {
  return (p, gradient, state) => {
    const g = (o.maximize ? -gradient : gradient) + o.weightDecay * p;
    const [s = 0, m = 0, v = 0] = state;
    state[0] = o.alpha * s + (1 - o.alpha) * g * g;
    state[1] = o.alpha * m + (1 - o.alpha) * g;
    const variance = o.centered ? state[0] - state[1] ** 2 : state[0];
    state[2] = o.momentum * v + g / (Math.sqrt(variance) + o.eps);
    return p - o.lr * state[2];
  };
}

interface Steppable {
  step(): void;
  dispose(): void;
}

/**
 * Compares the parameters after each step with the reference in float64.
 *
 * @param sizes  Of the parameters; all of them are COUNT elements at most.
 */
async function expectSteps(
  make: (params: sg.Tensor[]) => Steppable,
  reference: Reference,
  sizes: readonly number[] = [COUNT],
): Promise<void> {
  let total = 0;
  const ends = sizes.map((size) => (total += size));
  const split = (all: Float32Array): Float32Array[] =>
    ends.map((end, i) => all.slice(end - sizes[i]!, end));
  const params = split(START).map((start) => sg.tensor(start, { requiresGrad: true }));
  const optimizer = make(params);
  const expected = Float64Array.from(START);
  const states = Array.from({ length: COUNT }, () => [] as number[]);
  const path = new Float64Array(COUNT); // the way gone, to and fro
  const largest = Float64Array.from(START, Math.abs);
  try {
    for (const [step, gradient] of GRADIENTS.entries()) {
      const gradients = split(gradient).map((part) => sg.tensor(part));
      params.forEach((param, i) => (param.grad = gradients[i]!));
      optimizer.step();
      for (const tensor of gradients) tensor.dispose();
      const actual = (await Promise.all(params.map((param) => param.data()))).flatMap((part) => [
        ...part,
      ]);
      for (let i = 0; i < total; i++) {
        const next = reference(expected[i]!, gradient[i]!, states[i]!, step + 1);
        path[i]! += Math.abs(next - expected[i]!);
        largest[i] = Math.max(largest[i]!, Math.abs(next));
        expected[i] = next;
        // Each step rounds the parameter once, and its own length a few times.
        const most = 1e-6 * path[i]! + (step + 1) * 2 ** -24 * largest[i]!;
        const error = Math.abs(actual[i]! - next);
        // Said of what is wrong alone: twelve thousand times it takes longer than the steps.
        if (!(error <= most))
          expect(error, `element ${i} after step ${step + 1}`).toBeLessThanOrEqual(most);
      }
    }
  } finally {
    optimizer.dispose();
    for (const param of params) param.dispose();
  }
}

const SGD_DEFAULTS = {
  lr: 1e-3,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
};

describe('SGD takes the steps of the float64 reference', () => {
  test.each<Partial<sg.optim.SGDOptions>>([
    {},
    { lr: 0.01 },
    { lr: 0.01, momentum: 0.9 },
    { lr: 0.01, momentum: 0.9, nesterov: true },
    { lr: 0.01, momentum: 0.9, dampening: 0.3 },
    { lr: 0.01, momentum: 0.5, weightDecay: 0.1 },
    { lr: 0.01, weightDecay: 0.1, maximize: true },
    { lr: 0.01, dampening: 0.5 },
    { lr: 0.01, momentum: 0.9, nesterov: true, weightDecay: 0.05, maximize: true },
    { lr: 0 },
  ])('%j', (options) =>
    expectSteps(
      (params) => new sg.optim.SGD(params, options),
      sgd({ ...SGD_DEFAULTS, ...options }),
    ),
  );
});

const ADAM_DEFAULTS = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
} as const;

describe('Adam takes the steps of the float64 reference', () => {
  test.each<Partial<sg.optim.AdamOptions>>([
    {},
    { lr: 0.05, betas: [0.8, 0.95] },
    { lr: 0.01, weightDecay: 0.1 },
    { lr: 0.01, amsgrad: true, betas: [0.9, 0.5] },
    { lr: 0.01, amsgrad: true, weightDecay: 0.01, maximize: true },
    { lr: 0.01, eps: 0.1 },
    { lr: 0.01, betas: [0, 0.999] },
  ])('%j', (options) =>
    expectSteps(
      (params) => new sg.optim.Adam(params, options),
      adam({ ...ADAM_DEFAULTS, ...options }),
    ),
  );
});

describe('AdamW takes the steps of the float64 reference', () => {
  test.each<Partial<sg.optim.AdamOptions>>([
    {},
    { lr: 0.05, weightDecay: 0.5 },
    { lr: 0.01, weightDecay: 0.1, amsgrad: true, maximize: true },
    { weightDecay: 0 },
  ])('%j', (options) =>
    expectSteps(
      (params) => new sg.optim.AdamW(params, options),
      adam({ ...ADAM_DEFAULTS, weightDecay: 1e-2, ...options }, true),
    ),
  );
});

const RMSPROP_DEFAULTS = {
  lr: 1e-2,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
  maximize: false,
} as const;

describe('RMSprop takes the steps of the float64 reference', () => {
  test.each<Partial<sg.optim.RMSpropOptions>>([
    {},
    { lr: 1e-3, alpha: 0.9, weightDecay: 0.1 },
    { momentum: 0.9 },
    { centered: true, alpha: 0.9, eps: 1 },
    { centered: true, momentum: 0.5, alpha: 0.9, eps: 1, maximize: true },
  ])('%j', (options) =>
    expectSteps(
      (params) => new sg.optim.RMSprop(params, options),
      rmsprop({ ...RMSPROP_DEFAULTS, ...options }),
    ),
  );
});

describe.each([
  [
    'SGD',
    (params: sg.Tensor[]) => new sg.optim.SGD(params, { lr: 0.01, momentum: 0.9 }),
    sgd({ ...SGD_DEFAULTS, lr: 0.01, momentum: 0.9 }),
  ],
  ['Adam', (params: sg.Tensor[]) => new sg.optim.Adam(params), adam(ADAM_DEFAULTS)],
  [
    'RMSprop',
    (params: sg.Tensor[]) =>
      new sg.optim.RMSprop(params, { centered: true, eps: 1, momentum: 0.5 }),
    rmsprop({ ...RMSPROP_DEFAULTS, centered: true, eps: 1, momentum: 0.5 }),
  ],
] as const)('%s updates', (_, make, reference) => {
  test('parameters over the binding limit in parts', () =>
    withBindingLimit(1024, () => expectSteps(make, reference)));

  test.each([[[999]], [[1]], [[4]], [[130]], [[5, 128, 3, 1, 64, 257, 400]]])(
    'parameters of %j elements',
    (sizes) => expectSteps(make, reference, sizes),
  );

  test('an odd one over the binding limit', () =>
    withBindingLimit(1024, () => expectSteps(make, reference, [997])));
});

describe('groups', () => {
  test('have settings of their own, and take the rest from the defaults', async () => {
    const params = [1, 2, 3].map((value) => sg.tensor([value], { requiresGrad: true }));
    const [a, b, c] = params as [sg.Tensor, sg.Tensor, sg.Tensor];
    const optimizer = new sg.optim.SGD([{ params: [a] }, { params: [b], lr: 1 }], {
      lr: 0.1,
      weightDecay: 0.5,
    });
    optimizer.addParamGroup({ params: [c], weightDecay: 0 });
    using one = sg.ones([1]);
    const step = async () => {
      for (const param of params) param.grad = one;
      optimizer.step();
      return (await Promise.all(params.map((param) => param.item()))) as number[];
    };
    expectClose(await step(), [1 - 0.1 * 1.5, 2 - 1 * 2, 3 - 0.1]);
    optimizer.paramGroups[2]!.lr = 2;
    expectClose(await step(), [0.85 - 0.1 * 1.425, 0 - 1, 2.9 - 2]);
    expect(optimizer.paramGroups.map(({ lr, weightDecay }) => [lr, weightDecay])).toEqual([
      [0.1, 0.5],
      [1, 0.5],
      [2, 0],
    ]);
    for (const param of params) param.dispose();
  });

  test('are refused where they make no sense, and then nothing was added', () => {
    using a = sg.tensor([1], { requiresGrad: true });
    using b = sg.tensor([1], { requiresGrad: true });
    const { SGD, Adam, RMSprop } = sg.optim;
    const optimizer = new SGD([a]);
    for (const [add, message] of [
      [() => optimizer.addParamGroup({ params: [b, a] }), 'SGD: expected each parameter once'],
      [
        () => optimizer.addParamGroup({ params: [b], lr: -1 }),
        'SGD: expected lr of 0 or more, got -1',
      ],
      [
        () => optimizer.addParamGroup({ params: [b, {} as sg.Tensor] }),
        'leaf tensors as parameters',
      ],
      [
        () => new SGD([]),
        'SGD: expected at least one parameter, got none. Pass model.parameters().',
      ],
      [() => new SGD([a, a]), 'each parameter once'],
      [() => new SGD([a, { params: [b] }] as never), 'either parameters or groups of them'],
      [() => new SGD([a], { lr: NaN }), 'lr of 0 or more, got NaN'],
      [() => new SGD([a], { momentum: -0.1 }), 'momentum of 0 or more'],
      [() => new SGD([a], { weightDecay: -1 }), 'weightDecay of 0 or more'],
      [() => new SGD([a], { nesterov: true }), 'a momentum and no dampening for nesterov'],
      [() => new SGD([a], { nesterov: true, momentum: 0.9, dampening: 0.1 }), 'for nesterov'],
      [() => new Adam([a], { betas: [1, 0.9] }), 'Adam: expected betas of 0 or more and under 1'],
      [() => new Adam([a], { eps: -1 }), 'eps of 0 or more'],
      [() => new RMSprop([a], { alpha: -1 }), 'RMSprop: expected alpha of 0 or more'],
      [() => new RMSprop([a], { momentum: -1 }), 'momentum of 0 or more'],
    ] as const) {
      expect(add).toThrow(sg.ArgumentError);
      expect(add).toThrow(message);
    }
    sg.tidy(() => {
      const hidden = a.mul(2);
      expect(() => new SGD([hidden])).toThrow('leaf tensors as parameters');
    });
    expect(optimizer.paramGroups.map(({ params }) => params)).toEqual([[a]]);
  });
});

describe('a step', () => {
  test('passes over parameters without a gradient, and keeps nothing for them', async () => {
    using a = sg.tensor([1], { requiresGrad: true });
    using b = sg.tensor([2], { requiresGrad: true });
    using frozen = sg.tensor([3]);
    const optimizer = new sg.optim.Adam([a, b, frozen], { weightDecay: 0.1 });
    const before = sg.memory().arrays;
    optimizer.step();
    expect(sg.memory().arrays).toBe(before);
    a.grad = frozen;
    optimizer.step();
    expect([await b.item(), await frozen.item()]).toEqual([2, 3]);
    expect(await a.item()).not.toBe(1);
    expect(Object.keys(optimizer.stateDict().state)).toEqual(['0']);
    optimizer.zeroGrad();
    expect([a.grad, b.grad]).toEqual([null, null]);
    optimizer.dispose();
  });

  test('is not recorded, and its state outlives scopes', async () => {
    using a = sg.tensor([1], { requiresGrad: true });
    const optimizer = new sg.optim.SGD([a], { lr: 0.1, momentum: 0.9 });
    for (let i = 0; i < 3; i++) {
      sg.tidy(() => {
        a.mul(2).backward();
        optimizer.step();
        optimizer.zeroGrad();
      });
    }
    // v = 2, 3.8, 5.42
    expectClose(await a.data(), [1 - 0.1 * (2 + 3.8 + 5.42)]);
    expect([a.op, a.requiresGrad]).toEqual([null, true]);
    optimizer.dispose();
  });
});

describe.each([
  [
    'SGD',
    (params: sg.Tensor[]) => new sg.optim.SGD(params, { lr: 0.01, momentum: 0.9, dampening: 0.1 }),
  ],
  ['Adam', (params: sg.Tensor[]) => new sg.optim.Adam(params, { lr: 0.01, amsgrad: true })],
] as const)('the state dict of %s', (name, make) => {
  const startFrom = (data: ArrayLike<number>) => [
    sg.tensor(Float32Array.from(data), { requiresGrad: true }),
    sg.tensor([1, 2, 3], { requiresGrad: true }), // never has a gradient
  ];

  async function run(optimizer: Steppable, param: sg.Tensor, from: number, to: number) {
    for (const gradient of GRADIENTS.slice(from, to)) {
      using g = sg.tensor(gradient);
      param.grad = g;
      optimizer.step();
    }
    return param.data();
  }

  test('goes on where it was, bit for bit', async () => {
    const straight = startFrom(START);
    const whole = make(straight);
    const expected = await run(whole, straight[0]!, 0, STEPS);

    const first = startFrom(START);
    const before = make(first);
    const half = await run(before, first[0]!, 0, 5);
    const second = startFrom(half);
    const after = make(second);
    // What it did meanwhile is forgotten.
    await run(after, second[0]!, 7, 9);
    second[1]!.grad = second[1]!;
    after.step();
    sg.noGrad(() => second[0]!.copy_(half));
    after.loadStateDict(before.stateDict() as never);
    expect(Object.keys(after.stateDict().state)).toEqual(['0']);
    second[1]!.grad = null;
    expect(await run(after, second[0]!, 5, STEPS)).toEqual(expected);

    for (const tensor of [...straight, ...first, ...second]) tensor.dispose();
    for (const optimizer of [whole, before, after]) optimizer.dispose();
  });

  test('has places instead of parameters, settings and live tensors, and may be loaded again', async () => {
    const params = startFrom(START);
    const optimizer = make(params);
    await run(optimizer, params[0]!, 0, 2);
    const { state, paramGroups } = optimizer.stateDict();
    expect(paramGroups).toHaveLength(1);
    expect(paramGroups[0]).toMatchObject({ params: [0, 1], lr: 0.01, maximize: false });
    expect(state[0]!.step).toBe(2);
    expect(Object.keys(state[0]!.arrays)).toEqual(
      name === 'SGD' ? ['momentum_buffer'] : ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'],
    );
    const values = await params[0]!.data();
    optimizer.loadStateDict(optimizer.stateDict() as never);
    const after = await run(optimizer, params[0]!, 2, 3);
    expect(after).not.toEqual(values);
    for (const tensor of params) tensor.dispose();
    optimizer.dispose();
  });

  test('that does not fit is refused, and nothing changes', async () => {
    const params = startFrom(START);
    const optimizer = make(params);
    await run(optimizer, params[0]!, 0, 2);
    const [key] = Object.keys(optimizer.stateDict().state[0]!.arrays);
    const kept = await optimizer.stateDict().state[0]!.arrays[key!]!.data();
    const { paramGroups } = optimizer.stateDict();
    using wrong = sg.ones([3]);
    using integers = sg.zeros([COUNT], { dtype: 'i32' });
    for (const [dict, message] of [
      [{ state: {}, paramGroups: [] }, `${name}.loadStateDict: expected groups of 2 parameters`],
      [{ state: { 0: { step: 1, arrays: { [key!]: wrong } } }, paramGroups }, 'got (3,) of f32'],
      [{ state: { 0: { step: 1, arrays: { [key!]: integers } } }, paramGroups }, '(1000,) of i32'],
      [{ state: { 5: { step: 1, arrays: { [key!]: wrong } } }, paramGroups }, 'of parameter 5'],
    ] as const) {
      expect(() => optimizer.loadStateDict(dict as never)).toThrow(sg.ArgumentError);
      expect(() => optimizer.loadStateDict(dict as never)).toThrow(message);
    }
    expect(await optimizer.stateDict().state[0]!.arrays[key!]!.data()).toEqual(kept);
    for (const tensor of params) tensor.dispose();
    optimizer.dispose();
  });
});
