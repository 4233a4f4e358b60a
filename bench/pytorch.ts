/** PyTorch's figures, which bench/pytorch.py measures. */
import { spawnSync } from 'node:child_process';
import type { TorchResults } from './results.js';

const TWENTY_MINUTES = 20 * 60_000;

/** Whether `python3` has PyTorch, and that a CUDA device. */
export function hasCuda(): boolean {
  const code = 'import torch; assert torch.cuda.is_available()';
  return spawnSync('python3', ['-c', code], { stdio: 'ignore' }).status === 0;
}

/** @throws Error if the script fails. */
export function runTorch(device: string, quick: boolean): TorchResults {
  const args = ['bench/pytorch.py', '--device', device, ...(quick ? ['--quick'] : [])];
  const { status, stdout, stderr } = spawnSync('python3', args, {
    encoding: 'utf8',
    timeout: TWENTY_MINUTES,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0) throw new Error(`bench/pytorch.py failed: ${stderr}`);
  return JSON.parse(stdout) as TorchResults;
}

/** Milliseconds that PyTorch takes for one of our results; null where it has not measured that. */
export function torchMs(
  { results }: TorchResults,
  ours: { name: string; mode: string; batch: number; dtype: string },
  graphs: boolean,
): number | null {
  const found = results.find(
    (result) =>
      result.name === ours.name &&
      result.mode === ours.mode &&
      result.batch === ours.batch &&
      result.dtype === ours.dtype &&
      result.graphs === graphs,
  );
  return found?.ms ?? null;
}
