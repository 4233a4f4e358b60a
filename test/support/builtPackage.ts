/** The package as users have it: built, installed in a project, run in processes of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';

/** The folder of this repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface ProjectOptions {
  /** Builds the type declarations too, which takes most of the time. Default false. */
  types?: boolean;
  /** Installs the optional packages `webgpu` and `@sparticuz/chromium` too. Default false. */
  gpu?: boolean;
}

// Processes are out of sight of `npm run test:changed`, which follows imports: these name what they run.
import.meta.glob(['../../src/{index,cli/main}.ts', '../../examples/**/*.{js,ts}']);

/** What a finished process left. */
export interface Finished {
  /** Exit code, or null for a process that a signal ended. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The error message that `shadegrad` ended with; what drivers write to stderr comes before it. */
export function errorOf(stderr: string): string {
  const start = stderr.lastIndexOf('\nerror: ') + 1;
  return stderr.slice(start).trimEnd();
}

/** The folder of the package, built from the sources as they are by the first who needs it in a run. */
function builtFolder(types: boolean): string {
  const folder = path.join(inject('builtPackages'), types ? 'types' : 'plain');
  if (fs.existsSync(folder)) return folder;
  const own = `${folder}-${process.pid}`; // whole before others see it
  const script = path.join(ROOT, 'scripts/build.mjs');
  const args = [script, own, ...(types ? [] : ['--no-types'])];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`);
  try {
    fs.renameSync(own, folder);
  } catch (error) {
    if (!fs.existsSync(folder)) throw error; // else somebody was faster
  }
  return folder;
}

/**
 * A project in a temporary folder with the package, built from the sources as they are, and its
 * dependencies in node_modules.
 */
export class Project {
  readonly folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-project-')));

  constructor({ types = false, gpu = false }: ProjectOptions = {}) {
    fs.cpSync(builtFolder(types), this.path('node_modules/shadegrad/dist'), { recursive: true });
    const manifest = path.join(ROOT, 'package.json');
    fs.copyFileSync(manifest, this.path('node_modules/shadegrad/package.json'));
    this.write('package.json', '{ "type": "module" }');
    const { dependencies } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const optional = gpu ? ['webgpu', '@sparticuz/chromium'] : [];
    for (const name of [...Object.keys(dependencies), ...optional]) this.link(name);
  }

  /** The absolute path of a file of the project. */
  path(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  write(file: string, content: string | Uint8Array): string {
    fs.mkdirSync(path.dirname(this.path(file)), { recursive: true });
    fs.writeFileSync(this.path(file), content);
    return this.path(file);
  }

  read(file: string): string {
    return fs.readFileSync(this.path(file), 'utf8');
  }

  /** Every file below a folder of the project, sorted; none where there is no such folder. */
  files(folder: string): string[] {
    if (!fs.existsSync(this.path(folder))) return [];
    return fs
      .readdirSync(this.path(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ parentPath, name }) => path.relative(this.path(folder), path.join(parentPath, name)))
      .sort();
  }

  /** Starts Node on a script of the project. */
  start(script: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(process.execPath, [this.path(script), ...args], {
      cwd: this.folder,
      env: { ...process.env, SHADEGRAD_DATA: '', NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Running(child);
  }

  /** Runs Node on a script of the project. */
  run(
    script: string,
    args: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Finished> {
    return this.start(script, args, env).finished;
  }

  /** Starts the command `shadegrad`, in a process of its own. */
  startShadegrad(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    return this.start('node_modules/shadegrad/dist/cli.js', args, env);
  }

  /** Runs the command `shadegrad`. */
  shadegrad(...args: string[]): Promise<Finished> {
    return this.startShadegrad(args).finished;
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** Installs a package that this repository has. */
  link(name: string): void {
    const target = this.path('node_modules', name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), target);
  }
}

/** A process under way, with what it has printed so far. */
export class Running {
  stdout = '';
  stderr = '';
  readonly finished: Promise<Finished>;

  constructor(private readonly child: ChildProcess) {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.finished = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  /** Waits until standard output has `text`, or the process ends. */
  async printed(text: string): Promise<void> {
    while (!this.stdout.includes(text) && this.child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
