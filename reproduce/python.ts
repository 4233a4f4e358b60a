/** Runs this folder's Python programs. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { ResourceError } from 'shadegrad';
import type { Experiment, Version, VersionName } from './experiments.js';
import type { PythonResult } from './results.js';

/** What a program prints. */
type Printed = Omit<PythonResult, 'experiment' | 'version' | 'date' | 'plannedEpochs'>;

/**
 * Trains the same network on the same images in Keras or PyTorch, on the CPU.
 * @throws ResourceError if `python3` lacks something, or the program fails.
 */
export async function runPython(
  { name, python }: Experiment,
  versionName: VersionName,
  { epochs, images, testImages, batchSize }: Version,
  seed: number,
): Promise<PythonResult> {
  const settings = {
    epochs,
    images,
    'test-images': testImages,
    seed,
    ...(batchSize ? { 'batch-size': batchSize } : {}),
  };
  const args = Object.entries(settings).flatMap(([option, value]) => [
    `--${option}`,
    String(value),
  ]);
  // Python prints what JSON has not; results have null for it.
  const text = (await outputOf(python, args)).replace(/-?\b(?:NaN|Infinity)\b/g, 'null');
  const printed = JSON.parse(text) as Printed;
  return {
    experiment: name,
    version: versionName,
    date: new Date().toISOString(),
    plannedEpochs: epochs,
    ...printed,
  };
}

/** Standard output of a program; what it says on standard error is shown as it comes. */
async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const child = spawn('python3', [path.join('reproduce', program), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      const fix = 'reproduce/requirements.txt has what it needs.';
      reject(new ResourceError(`${program}: expected a result, got ${why}. ${fix}`));
    };
    child.once('error', ({ message }) => fail(`no python3 (${message})`));
    child.once('close', (code, signal) =>
      code === 0 ? resolve(output) : fail(`the end with ${code ?? signal}`),
    );
  });
}
