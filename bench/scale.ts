/** `npm run bench:scale`: what a step costs by batch, image size and width, and where that is not linear. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as sg from 'shadegrad';
import type { Device } from 'shadegrad';
import { adapterSlug, environmentOf } from './environment.js';
import { departures, linearFrom, type Point } from './linear.js';
import { withinLimit } from './measure.js';
import { FOLDER } from './results.js';
import { figure, percent, table } from './text.js';

/** One axis: sizes, and what is run at each. */
interface Axis {
  name: string;
  /** `batch` */
  label: string;
  sizes: readonly number[];
  /** Within a scope; gives the work that the cost should be proportional to. */
  make: (size: number) => { step: () => void; work: number; dispose?: () => void };
}

const MOST = 60_000; // milliseconds for a size

const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const SIDES = [8, 16, 32, 64, 128, 256];
const CHANNELS = [2, 4, 8, 16, 32, 64, 128];

const AXES: readonly Axis[] = [
  { name: 'LeNet-5 training step', label: 'batch', sizes: BATCHES, make: lenet5 },
  {
    ...{ name: 'conv2d 8 to 16 channels, 5x5, batch 4', label: 'height and width', sizes: SIDES },
    make: (side) => convolution(4, 8, side),
  },
  {
    ...{ name: 'conv2d C to 2C channels, 5x5, 16x16, batch 8', label: 'C', sizes: CHANNELS },
    make: (channels) => convolution(8, channels, 16),
  },
];

const MOST_RUNS = 10;

const { quick } = parseArgs({ options: { quick: { type: 'boolean', default: false } } }).values;
const ENOUGH = quick ? 200 : 1000; // milliseconds, after which no further run begins
const device = await sg.init({ onNote: () => undefined });
try {
  await main(device);
} finally {
  sg.close();
}

async function main(device: Device): Promise<void> {
  const environment = environmentOf(device);
  const roofline = await sg.measureRoofline(device);
  const name = `${adapterSlug(environment)}-scale-${environment.date.slice(0, 10)}`;
  const axes: { name: string; label: string; points: Point[]; problem?: string }[] = [];
  for (const axis of AXES) {
    const { label } = axis;
    const { points, problem } = await measureAxis(axis);
    axes.push({ name: axis.name, label, points, problem });
    printAxis(axis, points, problem);
  }
  mkdirSync(FOLDER, { recursive: true });
  const file = path.join(FOLDER, name);
  await sg.io.writeFileAtomic(`${file}.svg`, await chart(axes));
  const results = { environment, roofline, axes };
  await sg.io.writeFileAtomic(`${file}.json`, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`wrote ${file}.svg and .json`);
}

/** The sizes up to the first one that is too much for the adapter or takes too long. */
async function measureAxis({ sizes, make }: Axis): Promise<{ points: Point[]; problem?: string }> {
  const points: Point[] = [];
  for (const size of quick ? sizes.slice(0, -2) : sizes) {
    try {
      points.push(await withinLimit(MOST, () => sg.tidy(() => measure(size, make))));
    } catch (error) {
      return { points, problem: `${size}: ${(error as Error).message}` };
    }
  }
  return { points };
}

/** The fastest run of some. */
async function measure(size: number, make: Axis['make']): Promise<Point> {
  sg.manualSeed(5);
  const { step, work, dispose } = make(size);
  try {
    let best = await sg.profile(step);
    const start = performance.now();
    for (let i = 0; i < MOST_RUNS && performance.now() - start < ENOUGH; i++) {
      const next = await sg.profile(step, { warmUp: 0 });
      if (next.gpuMs < best.gpuMs) best = next;
    }
    const kernels = best.kernels.map(({ label, totalMs }) => [label, totalMs] as const);
    const { gpuMs: ms, dispatches } = best;
    return { size, work, ms, dispatches, kernels: Object.fromEntries(kernels) };
  } finally {
    dispose?.();
  }
}

function lenet5(batch: number): ReturnType<Axis['make']> {
  const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const criterion = new sg.nn.CrossEntropyLoss();
  const x = sg.rand([batch, 1, 28, 28]);
  const target = sg.randint(0, 10, [batch]);
  const step = (): void => {
    const loss = criterion.forward(model.forward(x), target);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  };
  return { step, work: batch, dispose: () => optimizer.dispose() };
}

/** Forward and backward of a layer from C to 2C channels that keeps the size. */
function convolution(batch: number, channels: number, side: number): ReturnType<Axis['make']> {
  const x = sg.randn([batch, channels, side, side], { requiresGrad: true });
  const weight = sg.randn([2 * channels, channels, 5, 5], { requiresGrad: true });
  const bias = sg.randn([2 * channels], { requiresGrad: true });
  const dy = sg.randn([batch, 2 * channels, side, side]);
  const step = (): void => {
    for (const tensor of [x, weight, bias]) tensor.grad = null;
    sg.nn.functional.conv2d(x, weight, bias, { padding: 2 }).backward({ gradient: dy });
  };
  return { step, work: 3 * batch * 2 * channels * channels * 25 * side * side };
}

function printAxis({ name, label }: Axis, points: readonly Point[], problem?: string): void {
  const rows = points.map(({ size, work, ms, dispatches, kernels }) => {
    const [slowest, its] = Object.entries(kernels).sort(([, a], [, b]) => b - a)[0] ?? ['', 0];
    return [
      ...[String(size), figure(ms), figure(ms / (work / points[0]!.work)), figure(dispatches)],
      `${slowest} ${percent(its / ms)}`,
    ];
  });
  const unit = `ms per work of ${label} ${points[0]?.size ?? ''}`;
  console.log(`${name}\n${table([[label, 'ms', unit, 'dispatches', 'slowest'], ...rows])}`);
  for (const { from, to, ratio, kernel, shareBefore, shareAfter } of departures(points)) {
    const what = ratio > 1 ? 'not linear: work costs' : 'fixed cost is shared: work costs';
    console.log(
      `  ${from} to ${to}: ${what} ${figure(ratio)} times as much; ${kernel} went from ` +
        `${percent(shareBefore)} to ${percent(shareAfter)}`,
    );
  }
  const from = linearFrom(points);
  if (from !== null) console.log(`  linear from ${from} on`);
  if (problem) console.log(`  ended at ${problem}`);
  console.log('');
}

/** What a unit of work costs, relative to the cheapest: a flat line is linear. */
function chart(axes: readonly { name: string; points: readonly Point[] }[]): Promise<string> {
  return sg.viz.lineChart({
    title: 'Cost of a unit of work, relative to the cheapest',
    xLabel: 'doublings of the size',
    yLabel: 'times the cheapest',
    yScale: 'log',
    width: 720,
    series: axes.map(({ name, points }) => {
      const costs = points.map(({ ms, work }) => ms / work);
      return {
        name: name.split(',')[0]!,
        x: points.map(({ size }) => Math.log2(size / points[0]!.size)),
        y: costs.map((cost) => cost / Math.min(...costs)),
      };
    }),
  });
}
