/** Whether the declarations of the built package compile where users have no `skipLibCheck`. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project, ROOT } from '../support/builtPackage.js';
import { ALL } from '../support/extent.js';

const PAGE = `
import * as sg from 'shadegrad';

export const y: sg.Tensor = sg.tensor([1, 2, 3]).exp();
export const summary = sg.meta(() => new sg.models.LeNet5()).summary([1, 1, 28, 28]);

/** A device of one's own, which has WebGPU's types. */
export async function limitOf(device: GPUDevice): Promise<number> {
  const { gpu } = await sg.init({ device });
  return gpu.limits.maxBufferSize;
}

export class Squares extends sg.data.Dataset {
  readonly length = 4;
  gather(): sg.Tensor[] {
    return [sg.arange(4).square()];
  }
  dispose(): void {}
}
`;

let project: Project;

beforeAll(() => {
  project = new Project({ types: true });
  project.link('@webgpu/types');
  project.write('page.ts', PAGE);
});

afterAll(() => {
  project.remove();
});

/** What a compiler has to say of the page, under every option that makes it stricter. */
function complaintsOf(compiler: string, types: readonly string[]): string {
  project.write(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        ...{ strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true, noEmit: true },
        ...{ module: 'node16', target: 'es2022', types },
        lib: ['es2022', 'esnext.disposable', 'dom', 'dom.iterable', 'dom.asynciterable'],
      },
      files: ['page.ts'],
    }),
  );
  const tsc = path.join(ROOT, 'node_modules', compiler, 'bin/tsc');
  const { stdout, stderr } = spawnSync(process.execPath, [tsc], {
    cwd: project.folder,
    encoding: 'utf8',
  });
  return stdout + stderr;
}

test('TypeScript 5.9 reads the declarations with @webgpu/types', () => {
  expect(complaintsOf('typescript', ['@webgpu/types'])).toBe('');
});

if (ALL) {
  test('TypeScript 5.9 needs these', () => {
    expect(complaintsOf('typescript', [])).toMatch(/Cannot find name 'GPUDevice'/);
  });
}

test('TypeScript 6 reads the declarations without, since its DOM library has them', () => {
  expect(complaintsOf('typescript6', [])).toBe('');
});
