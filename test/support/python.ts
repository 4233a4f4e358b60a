/** Python with PyTorch, for tests that hold against it what no stored file can: what it does itself. */
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

const MODULES = ['numpy', 'safetensors', 'torch'];

/** Skips a test on machines whose python3 lacks what it needs. */
export function needPython({ skip }: TestContext): void {
  const { status } = spawnSync('python3', ['-c', `import ${MODULES.join(', ')}`]);
  skip(status !== 0, `needs python3 with ${MODULES.join(', ')}`);
}

/**
 * Runs python3 and gives what it printed.
 * @throws Error with what it wrote to stderr, unless it succeeds.
 */
export function python(args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr } = spawnSync('python3', args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`python3 ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}
