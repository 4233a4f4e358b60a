/** The Python of docs/tutorials/interchange.md, after its TypeScript, on the files that both write. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { io, type Tensor } from 'shadegrad';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { needPython, python } from '../support/python.js';
import { codeBlocks } from '../support/pages.js';
import { runPage, type PageProgram } from '../support/runPage.js';

const PAGE = 'docs/tutorials/interchange.md';
const FILE = 'runs/tutorial/net.safetensors';

const pages = import.meta.glob<PageProgram>('../../docs/tutorials/interchange.md', {
  query: '?program',
});

const start = process.cwd();
let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-interchange-'));
  process.chdir(folder); // the page names files from where it runs
});
afterEach(() => {
  process.chdir(start);
  fs.rmSync(folder, { recursive: true });
});

/** The numbers of a file by key, which does not live on the GPU any more. */
async function numbersOf(tensors: Record<string, Tensor>): Promise<Record<string, unknown>> {
  const numbers: Record<string, unknown> = {};
  for (const key of Object.keys(tensors).sort()) {
    using tensor = tensors[key]!;
    numbers[key] = await tensor.toArray();
  }
  return numbers;
}

test('PyTorch loads what the page saved, and what it saves is loaded', async (context) => {
  needPython(context);
  await runPage(Object.values(pages)[0]!);
  const ours = await numbersOf(await io.load(FILE));

  const blocks = codeBlocks('python', PAGE);
  expect(blocks.length).toBe(4);
  // torchvision's weights are a download of 244 MB: test/golden has a file with their keys.
  const [withTorchvision, ...others] = blocks.filter((block) => block.includes('torchvision'));
  expect(others).toEqual([]);
  python(['-c', `compile(${JSON.stringify(withTorchvision)}, 'page', 'exec')`]);
  const script = blocks.filter((block) => block !== withTorchvision).join('\n');

  const before = fs.readFileSync(FILE);
  python(['-c', script]);
  expect(fs.readFileSync(FILE).equals(before)).toBe(false); // Python wrote it, in int64
  expect(await numbersOf(await io.load(FILE))).toEqual(ours);
  expect(Object.keys(ours)).toHaveLength(9);
});
