/** The figures of a run, and the files that they are kept in. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { io, type Roofline } from 'shadegrad';
import { adapterSlug, resultsName, type Environment } from './environment.js';

export interface KernelResult {
  /** `LeNet-5 (256) conv1 forward` */
  name: string;
  /** Operations of the result, and bytes that must be read and written at least. */
  flops: number;
  bytes: number;
  /** Milliseconds on the GPU: the median, and the fastest run. */
  ms: number | null;
  fastestMs: number | null;
  dispatches: number;
  gflops: number | null;
  gbPerSecond: number | null;
  /** Of the fastest run: time that the adapter needs at least, by its roofline, over the time taken. */
  share: number | null;
  /** Why there are no figures. */
  problem?: string;
}

export interface NetworkResult {
  name: string;
  mode: 'train' | 'infer';
  batch: number;
  dtype: 'f32' | 'f16';
  /** By `sg.capture`. */
  captured: boolean;
  imagesPerSecond: number | null;
  msPerStep: number | null;
  javascriptMs: number | null;
  dispatches: number;
  bytesPeak: number;
  problem?: string;
}

/** What PyTorch takes for the same on the same machine, as bench/pytorch.py prints it. */
export interface TorchResults {
  version: string;
  device: string;
  results: {
    /** As ours: a network's or a matmul's. */
    name: string;
    mode: 'train' | 'infer' | 'matmul';
    batch: number;
    dtype: 'f32' | 'f16';
    graphs: boolean;
    ms: number;
    imagesPerSecond: number | null;
    gflops: number | null;
  }[];
}

export interface Results {
  environment: Environment;
  /** True for a run with --quick. */
  quick: boolean;
  roofline: Roofline;
  kernels: KernelResult[];
  networks: NetworkResult[];
  /** Seconds from the start of a process to the end of its first step. */
  firstStep: { name: string; seconds: number | null; problem?: string }[];
  torch: TorchResults | null;
}

export const FOLDER = 'bench/results';

/** Writes `<adapter>-<date>.json`, whole or not at all. @returns its path. */
export async function writeResults(results: Results): Promise<string> {
  const file = path.join(FOLDER, resultsName(results.environment));
  await io.writeFileAtomic(file, `${JSON.stringify(results, null, 2)}\n`);
  return file;
}

/** The results that were committed last for this adapter, null where there are none. */
export function lastCommitted(environment: Environment): { file: string; results: Results } | null {
  const { stdout, status } = spawnSync('git', ['ls-files', FOLDER], { encoding: 'utf8' });
  const files = status === 0 ? stdout.split('\n') : readdirSync(FOLDER);
  const name = lastOf(
    files.map((file) => path.basename(file)),
    adapterSlug(environment),
  );
  if (!name) return null;
  const file = path.join(FOLDER, name);
  const { status: missing, stdout: text } = spawnSync('git', ['show', `HEAD:${file}`], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const content = missing === 0 ? text : readFileSync(file, 'utf8');
  return { file, results: JSON.parse(content) as Results };
}

/** The name with the latest date of those of one adapter. */
export function lastOf(names: readonly string[], slug: string): string | undefined {
  const pattern = new RegExp(`^${slug}-\\d{4}-\\d{2}-\\d{2}\\.json$`);
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .at(-1);
}
