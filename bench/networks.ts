/** Whole networks: what a training step or a forward pass takes. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import * as sg from 'shadegrad';
import type { Device } from 'shadegrad';
import { median, withinLimit, type Limits } from './measure.js';
import type { NetworkResult } from './results.js';

export interface NetworkCase {
  /** As bench/pytorch.py calls it. */
  name: string;
  mode: 'train' | 'infer';
  batch: number;
  dtype: 'f32' | 'f16';
  /** Part of a quick run. */
  quick: boolean;
}

interface Network {
  make: () => sg.nn.Module;
  inputShape: sg.Shape;
  classes: number;
}

/** By the name of the case. */
export const NETWORKS: Record<string, Network> = {
  'LeNet-5 sigmoid avg': {
    make: () => new sg.models.LeNet5(),
    ...{ inputShape: [1, 28, 28], classes: 10 },
  },
  'LeNet-5 relu max': {
    make: () => new sg.models.LeNet5({ activation: 'relu', pool: 'max' }),
    ...{ inputShape: [1, 28, 28], classes: 10 },
  },
  'CIFAR AlexNet': {
    make: () => sg.models.alexNetCifar(),
    ...{ inputShape: [3, 32, 32], classes: 10 },
  },
  'AlexNet-227': {
    make: () => new sg.models.AlexNet(),
    ...{ inputShape: [3, 227, 227], classes: 1000 },
  },
};

export function networkCases(device: Device): NetworkCase[] {
  const cases: Omit<NetworkCase, 'dtype'>[] = [
    ...['LeNet-5 sigmoid avg', 'LeNet-5 relu max'].flatMap((name) =>
      [64, 256].map((batch) => ({
        ...{ name, mode: 'train' as const, batch },
        quick: name === 'LeNet-5 relu max' && batch === 64,
      })),
    ),
    { name: 'LeNet-5 relu max', mode: 'infer', batch: 256, quick: true },
    { name: 'CIFAR AlexNet', mode: 'train', batch: 4, quick: false },
    { name: 'AlexNet-227', mode: 'infer', batch: 1, quick: false },
  ];
  if (device.info.software) return cases.map((network) => ({ ...network, dtype: 'f32' }));
  // What would take hours on a CPU.
  cases.push(
    { name: 'CIFAR AlexNet', mode: 'train', batch: 128, quick: false },
    { name: 'AlexNet-227', mode: 'train', batch: 128, quick: false },
    { name: 'AlexNet-227', mode: 'infer', batch: 128, quick: false },
  );
  const dtypes = device.hasF16 ? (['f32', 'f16'] as const) : (['f32'] as const);
  return dtypes.flatMap((dtype) => cases.map((network) => ({ ...network, dtype })));
}

/**
 * Checks a network, then times it, run plainly and captured. What goes wrong is in the results.
 *
 * A training network must come to a lower loss on its one batch, and the captured one to the same
 * losses, bit for bit; of inference, the logits must be the same.
 */
export async function measureNetwork(
  device: Device,
  network: NetworkCase,
  limits: Limits,
): Promise<NetworkResult[]> {
  const { quick: _, ...described } = network;
  const results: NetworkResult[] = [];
  let values: number[] | null = null;
  for (const captured of [false, true]) {
    const failed = { imagesPerSecond: null, msPerStep: null, javascriptMs: null };
    try {
      const measured = await withinLimit(limits.most, () =>
        timeNetwork(device, network, captured, limits),
      );
      if (values && values.some((value, i) => !Object.is(value, measured.values[i])))
        throw new Error('the captured step gives other values than the plain one');
      values = measured.values;
      results.push({ ...described, captured, ...measured.figures });
    } catch (error) {
      const problem = (error as Error).message;
      results.push({ ...described, captured, ...failed, dispatches: 0, bytesPeak: 0, problem });
    }
  }
  return results;
}

const CHECKED = 4; // steps whose losses are compared; they warm up too
const LEAST_STEPS = 3;

type Figures = Pick<
  NetworkResult,
  'imagesPerSecond' | 'msPerStep' | 'javascriptMs' | 'dispatches' | 'bytesPeak'
>;

async function timeNetwork(
  device: Device,
  { name, mode, batch, dtype }: NetworkCase,
  captured: boolean,
  { enough }: Limits,
): Promise<{ values: number[]; figures: Figures }> {
  const { make, inputShape, classes } = NETWORKS[name]!;
  const { account } = device.pool;
  sg.manualSeed(11);
  device.pool.trim();
  const before = account.bytesInUse;
  account.bytesPeak = before;
  const model = make();
  const x = sg.rand([batch, ...inputShape]);
  const target = sg.randint(0, classes, [batch]);
  const { step, optimizer } =
    mode === 'train'
      ? trainingStep(model, dtype)
      : { step: inference(model, dtype), optimizer: null };
  const replayed = captured ? sg.capture(step) : null;
  const run: Step = replayed ?? step;
  /** A training step frees the one before, a captured function keeps its result. */
  const free = (result: sg.Tensor): void => {
    if (mode === 'infer' && !captured) result.dispose();
  };
  try {
    const values: number[] = [];
    for (let i = 0; i < CHECKED; i++) {
      const result = run(x, target);
      values.push(...(await result.data()).slice(0, 10));
      free(result);
    }
    checkValues(values, mode);
    await device.sync();
    const first = device.queue.dispatches;
    const start = performance.now();
    const javascript: number[] = [];
    let steps = 0;
    while (steps < LEAST_STEPS || performance.now() - start < enough) {
      const begin = performance.now();
      free(run(x, target));
      javascript.push(performance.now() - begin);
      device.queue.flush();
      // So that the host is at most a few steps ahead.
      if (++steps % 8 === 0) await device.sync();
      if (performance.now() - start > 4 * enough) break;
    }
    await device.sync();
    const ms = (performance.now() - start) / steps;
    return {
      values,
      figures: {
        imagesPerSecond: (1000 * batch) / ms,
        msPerStep: ms,
        javascriptMs: median(javascript),
        dispatches: (device.queue.dispatches - first) / steps,
        bytesPeak: account.bytesPeak - before,
      },
    };
  } finally {
    replayed?.dispose();
    optimizer?.dispose();
    for (const tensor of [x, target, ...Object.values(model.stateDict())]) tensor.dispose();
  }
}

/** @throws Error unless numbers are finite, and losses of the same batch fall. */
function checkValues(values: readonly number[], mode: NetworkCase['mode']): void {
  if (!values.every(Number.isFinite))
    throw new Error(`expected finite numbers, got ${values.join()}`);
  if (mode === 'train' && !(Math.min(...values.slice(1)) < values[0]!))
    throw new Error(`expected a loss that falls, got ${values.join()}`);
}

type Step = (x: sg.Tensor, target: sg.Tensor) => sg.Tensor;

function trainingStep(
  model: sg.nn.Module,
  dtype: 'f32' | 'f16',
): { step: Step; optimizer: sg.optim.SGD } {
  const criterion = new sg.nn.CrossEntropyLoss();
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const step: Step = (x, target) => {
    const compute = (): sg.Tensor => criterion.forward(model.forward(x), target);
    const loss = dtype === 'f16' ? sg.autocast(compute) : compute();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  return { step, optimizer };
}

function inference(model: sg.nn.Module, dtype: 'f32' | 'f16'): Step {
  model.eval();
  const compute: Step = (x) => sg.noGrad(() => model.forward(x));
  return dtype === 'f16' ? (...args) => sg.autocast(() => compute(...args)) : compute;
}

/** Seconds from the start of a process of its own until its first training step is done. */
export async function firstStepSeconds(name: string, limits: Limits): Promise<number> {
  const start = performance.now();
  const script = path.join(path.dirname(process.argv[1]!), 'firstStep.mjs');
  const child = spawn(process.execPath, [script, name], { stdio: ['ignore', 'pipe', 'ignore'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), limits.most);
  try {
    return await new Promise((resolve, reject) => {
      child.stdout.once('data', () => resolve((performance.now() - start) / 1000));
      child.once('error', reject);
      child.once('close', (code) =>
        reject(new Error(`it ended with ${code ?? 'a signal'} before its first step was done`)),
      );
    });
  } finally {
    clearTimeout(timer);
    child.kill();
  }
}
