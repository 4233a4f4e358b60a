/** `npm run bench`: the adapter, every kernel, whole networks; and PyTorch's figures where it has a GPU. */
import { parseArgs } from 'node:util';
import * as sg from 'shadegrad';
import type { Device, Roofline } from 'shadegrad';
import { kernelCases } from './cases.js';
import { environmentOf, type Environment } from './environment.js';
import { measureKernel, withShares } from './measure.js';
import { firstStepSeconds, measureNetwork, networkCases } from './networks.js';
import {
  writeResults,
  type KernelResult,
  type NetworkResult,
  type Results,
  type TorchResults,
} from './results.js';
import { figure, percent, table } from './text.js';
import { hasCuda, runTorch, torchMs } from './pytorch.js';

const USAGE = `npm run bench -- [options]
  --only <text>      what has this in its name, whatever its case; may be given several times
  --parts <list>     of kernels, networks, start, torch (default: all)
  --quick            fewer shapes, less time for each: under two minutes on a software adapter
  --no-save          write no file
  --torch-device <d> cuda (default) or cpu: where PyTorch runs, if it is asked for by --parts torch`;

const PARTS = ['kernels', 'networks', 'start', 'torch'] as const;
type Part = (typeof PARTS)[number];

interface Options {
  quick: boolean;
  save: boolean;
  parts: ReadonlySet<Part>;
  /** True for the names that are asked for. */
  wants: (name: string) => boolean;
  torchDevice: string;
  torchAsked: boolean;
}

const LIMITS = {
  quick: { enough: 150, most: 20_000 },
  whole: { enough: 500, most: 60_000 },
};

const options = parseOptions();
if (options) await main(options);

function parseOptions(): Options | null {
  try {
    const { values } = parseArgs({
      allowNegative: true,
      options: {
        only: { type: 'string', multiple: true, default: [] },
        parts: { type: 'string' },
        quick: { type: 'boolean', default: false },
        save: { type: 'boolean', default: true },
        help: { type: 'boolean', default: false },
        'torch-device': { type: 'string', default: 'cuda' },
      },
    });
    const parts = values.parts?.split(',') ?? PARTS;
    const unknown = parts.find((part) => !(PARTS as readonly string[]).includes(part));
    if (unknown !== undefined)
      throw new Error(`--parts: expected ${PARTS.join(', ')}, got '${unknown}'`);
    if (values.help) {
      console.log(USAGE);
      return null;
    }
    const only = values.only.map(plain);
    return {
      quick: values.quick,
      save: values.save,
      parts: new Set(parts as Part[]),
      wants: (name) => only.length === 0 || only.some((text) => plain(name).includes(text)),
      torchDevice: values['torch-device'],
      torchAsked: values.parts !== undefined,
    };
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n${USAGE}`);
    process.exitCode = 2;
    return null;
  }
}

/** `LeNet-5` as `lenet5`. */
function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '');
}

async function main(options: Options): Promise<void> {
  const start = performance.now();
  const device = await sg.init({ onNote: () => undefined });
  const environment = environmentOf(device);
  printHead(environment, await sg.measureRoofline(device));
  const kernels = options.parts.has('kernels') ? await runKernels(device, options) : [];
  const networks = options.parts.has('networks') ? await runNetworks(device, options) : [];
  const roofline = await sg.measureRoofline(device);
  sg.close(); // the processes that follow have the adapter to themselves
  const firstStep = options.parts.has('start') ? await runFirstSteps(options) : [];
  const torch = runPyTorch(options, networks, kernels);
  const { quick } = options;
  const results: Results = { environment, quick, roofline, kernels, networks, firstStep, torch };
  if (options.save) console.log(`\nwrote ${await writeResults(results)}`);
  console.log(`${((performance.now() - start) / 1000).toFixed(0)} seconds`);
  const problems = [...kernels, ...networks, ...firstStep].filter(({ problem }) => problem);
  if (problems.length > 0) process.exitCode = 1;
}

function printHead({ adapter, versions, cpu, commit }: Environment, roofline: Roofline): void {
  const { gflops, gbPerSecond } = roofline;
  const kind = adapter.software ? 'software' : 'hardware';
  console.log(`adapter    ${adapter.description} (${adapter.vendor}, ${kind})`);
  console.log(`machine    ${cpu}, Node ${versions.node}, webgpu ${versions.webgpu}, ${commit}`);
  console.log(
    `roofline   ${figure(gflops)} GFLOP/s multiply-add, ${figure(gbPerSecond)} GB/s copy`,
  );
  console.log(
    `overhead   dispatch ${figure(roofline.dispatchMicroseconds)} us, submit ` +
      `${figure(roofline.submitMicroseconds)} us, readback ${figure(roofline.readbackMicroseconds)} us\n`,
  );
}

const KERNELS_A_ROOFLINE = 10;

async function runKernels(device: Device, { quick, wants }: Options): Promise<KernelResult[]> {
  const limits = quick ? LIMITS.quick : LIMITS.whole;
  const cases = kernelCases(device.info).filter(
    (kernel) => wants(kernel.name) && (!quick || kernel.quick),
  );
  if (cases.length === 0) return [];
  const measured: KernelResult[] = [];
  for (const [i, kernel] of cases.entries()) {
    progress(kernel.name);
    measured.push(await measureKernel(device, kernel, limits));
    // Now and then again, for the machine may have been busy at the start: a peak is a peak.
    if (i % KERNELS_A_ROOFLINE === 0) await sg.measureRoofline(device, true);
  }
  const results = withShares(measured, await sg.measureRoofline(device, true));
  progress('');
  const rows = results.map(({ name, ms, gflops, gbPerSecond, share, dispatches, problem }) =>
    problem
      ? [name, '', '', '', '', `! ${problem}`]
      : [name, figure(ms), figure(gflops), figure(gbPerSecond), percent(share), figure(dispatches)],
  );
  console.log(table([['kernel', 'ms', 'GFLOP/s', 'GB/s', 'of roofline', 'dispatches'], ...rows]));
  return results;
}

async function runNetworks(device: Device, { quick, wants }: Options): Promise<NetworkResult[]> {
  const limits = quick ? LIMITS.quick : { enough: 2000, most: 120_000 };
  const cases = networkCases(device).filter(
    (network) => wants(network.name) && (!quick || network.quick),
  );
  const results: NetworkResult[] = [];
  for (const network of cases) {
    progress(network.name);
    results.push(...(await measureNetwork(device, network, limits)));
  }
  progress('');
  if (results.length === 0) return results;
  const header = ['network', '', 'batch', 'images/s', 'ms', 'JavaScript ms', 'dispatches', 'MiB'];
  const rows = results.map((result) => {
    const { name, mode, batch, dtype, captured, problem } = result;
    const what = `${mode}${dtype === 'f16' ? ' f16' : ''}${captured ? ', captured' : ''}`;
    if (problem) return [name, what, String(batch), '', '', '', '', `! ${problem}`];
    return [
      ...[name, what, String(batch)],
      figure(result.imagesPerSecond),
      figure(result.msPerStep),
      figure(result.javascriptMs),
      figure(result.dispatches),
      figure(result.bytesPeak / 2 ** 20),
    ];
  });
  console.log(`\n${table([header, ...rows])}`);
  return results;
}

async function runFirstSteps({ quick, wants }: Options): Promise<Results['firstStep']> {
  const results: Results['firstStep'] = [];
  for (const name of ['LeNet-5 relu max', 'CIFAR AlexNet'].filter(wants)) {
    if (quick && name !== 'LeNet-5 relu max') continue;
    progress(name);
    try {
      const runs = [];
      for (let i = 0; i < (quick ? 1 : 3); i++)
        runs.push(await firstStepSeconds(name, LIMITS.whole));
      results.push({ name, seconds: Math.min(...runs) });
    } catch (error) {
      results.push({ name, seconds: null, problem: (error as Error).message });
    }
  }
  progress('');
  for (const [i, { name, seconds, problem }] of results.entries()) {
    const taken = problem ? `! ${problem}` : `${figure(seconds)} s`;
    console.log(
      `${i === 0 ? '\n' : ''}fresh process to the end of its first step, ${name}: ${taken}`,
    );
  }
  return results;
}

/** PyTorch on the same machine, beside ours. */
function runPyTorch(
  options: Options,
  networks: readonly NetworkResult[],
  kernels: readonly KernelResult[],
): TorchResults | null {
  if (!options.parts.has('torch')) return null;
  if (options.torchDevice === 'cuda' && !hasCuda()) {
    if (options.torchAsked) console.log('\nPyTorch: none here that has a CUDA device');
    return null;
  }
  progress('PyTorch');
  const torch = runTorch(options.torchDevice, options.quick);
  progress('');
  const ours = [
    ...networks.map((result) => ({ ...result, ms: result.msPerStep })),
    ...kernels
      .filter(({ name }) => name.startsWith('matmul'))
      .map((kernel) => ({
        ...kernel,
        ...{ mode: 'matmul', batch: 1, dtype: 'f32', captured: false },
      })),
  ].filter((result) => result.ms !== null);
  const rows = ours.map((result) => {
    const eager = torchMs(torch, result, false);
    const graphs = torchMs(torch, result, true);
    const best = Math.min(eager ?? Infinity, graphs ?? Infinity);
    return [
      ...[result.name, `${result.mode} ${result.dtype}${result.captured ? ', captured' : ''}`],
      ...[String(result.batch), figure(result.ms), figure(eager), figure(graphs)],
      Number.isFinite(best) ? figure(best / result.ms!) : '',
    ];
  });
  const header = [
    'ms',
    '',
    'batch',
    'shadegrad',
    'PyTorch',
    'CUDA graphs',
    'ours is x times as fast',
  ];
  console.log(`\nPyTorch ${torch.version} on ${torch.device}\n${table([header, ...rows])}`);
  return torch;
}

/** Shows on a terminal what is measured. */
function progress(name: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${name}`);
}
