import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRunFolder } from '../../src/cli/runFolder.js';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-run-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

const open = () => openRunFolder(folder, { resume: false, overwrite: false });
const lockOf = (id: number) => fs.writeFileSync(path.join(folder, '.lock'), String(id));

test('a lock of a process that runs keeps others out, and says how to remove it', () => {
  lockOf(process.ppid);
  expect(open).toThrow(`got process ${process.ppid}. Wait for it`);
  expect(open).toThrow(`remove ${path.join(folder, '.lock')}`);
});

test('a lock with the number of this process is of an earlier one, as in containers', () => {
  lockOf(process.pid);
  const file = path.join(folder, `.model.safetensors.${process.pid}-x.tmp`);
  fs.writeFileSync(file, 'half of it');
  expect(open().resumes).toBe(false);
  expect(fs.existsSync(file)).toBe(false);
});

test('a lock of no process at all does not matter', () => {
  lockOf(2 ** 30);
  expect(open().resumes).toBe(false);
  fs.writeFileSync(path.join(folder, '.lock'), '');
  expect(open().resumes).toBe(false);
});
