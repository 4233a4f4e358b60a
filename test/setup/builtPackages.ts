import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder for what test/support/builtPackage.ts builds, gone after the run. */
    builtPackages: string;
  }
}

export default function setup(project: TestProject): () => void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-packages-'));
  project.provide('builtPackages', folder);
  return () => fs.rmSync(folder, { recursive: true, force: true });
}
