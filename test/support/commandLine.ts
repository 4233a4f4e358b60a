/**
 * The command line within the process of the tests: on their device, with the pipelines that are
 * compiled for it, which are most of what a command costs on a software adapter.
 */
import path from 'node:path';
import { format } from 'node:util';
import * as sg from 'shadegrad';
import { vi } from 'vitest';
import * as gpu from '../../src/cli/gpu.js';
import { Project, ROOT, type Finished } from './builtPackage.js';
import { ALL } from './extent.js';
import { releasingAll } from './releasingAll.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A command under way in this process, as far as it can be like a process. */
export interface RunningHere {
  readonly finished: Promise<Finished>;
  /** Waits until standard output has `text`, or the command ends. */
  printed(text: string): Promise<void>;
  /** Sends a signal to a command that has something to finish first; none else. */
  kill(signal: (typeof SIGNALS)[number]): void;
}

const exitCode = (): number => Number(process.exitCode ?? 0);

/** Commands share the console and the folder of the process, so that one waits for the other. */
let last: Promise<unknown> = Promise.resolve();
let count = 0;

/** Starts `shadegrad` in a folder. */
export function startHere(
  folder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): RunningHere {
  return startProgram(path.join(ROOT, 'src/cli/main.ts'), folder, args, env);
}

/**
 * Starts a program in a folder: a module, evaluated anew, with what belongs to a process put in its
 * place for as long as it runs.
 */
function startProgram(
  program: string,
  folder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): RunningHere {
  const said = { stdout: '', stderr: '' };
  let ended = false;
  let send: RunningHere['kill'] = () => undefined;

  const run = async (): Promise<Finished> => {
    const before = {
      ...{ argv: process.argv, cwd: process.cwd(), env: process.env, exitCode: process.exitCode },
      listeners: new Map(
        [...SIGNALS, 'exit'].map((name) => [name, process.listeners(name as 'exit')]),
      ),
    };
    const added = (name: string): ((signal?: string) => void)[] =>
      process
        .listeners(name as 'exit')
        .filter((one) => !before.listeners.get(name)!.includes(one)) as never[];
    const errors = process.stdout.listeners('error');
    const out = (text: string): void => void (said.stdout += text);
    const err = (text: string): void => void (said.stderr += text);
    const open = (): ReturnType<typeof sg.init> => sg.init();
    const spies = [
      vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out(String(text)), true)),
      vi.spyOn(process.stderr, 'write').mockImplementation((text) => (err(String(text)), true)),
      vi.spyOn(console, 'log').mockImplementation((...values) => out(`${format(...values)}\n`)),
      vi.spyOn(console, 'error').mockImplementation((...values) => err(`${format(...values)}\n`)),
      vi.spyOn(console, 'warn').mockImplementation((...values) => err(`${format(...values)}\n`)),
      // The device of the tests stays open.
      vi.spyOn(gpu, 'openGpu').mockImplementation(open),
      vi.spyOn(gpu, 'gpuOpener').mockReturnValue(open),
      vi.spyOn(sg, 'close').mockReturnValue(),
    ];
    process.setMaxListeners(0); // each training lets go of its folder when this process ends
    process.argv = [process.execPath, program, ...args];
    process.env = { ...before.env, SHADEGRAD_DATA: '', NO_COLOR: '1', ...env };
    process.exitCode = undefined;
    process.chdir(folder);
    send = (signal) => added(signal).forEach((listener) => listener(signal));
    try {
      const url = `${program}?run=${++count}`;
      await releasingAll(() => import(/* @vite-ignore */ url));
      return { code: exitCode(), signal: null, ...said };
    } finally {
      ended = true;
      for (const listener of added('exit')) listener();
      for (const name of SIGNALS) {
        for (const listener of added(name)) process.off(name, listener as NodeJS.SignalsListener);
      }
      for (const one of process.stdout.listeners('error')) {
        if (!errors.includes(one)) process.stdout.off('error', one as () => void);
      }
      process.chdir(before.cwd);
      process.argv = before.argv;
      process.env = before.env;
      process.exitCode = before.exitCode;
      for (const spy of spies) spy.mockRestore();
    }
  };
  const finished = last.then(run);
  last = finished.catch(() => undefined);
  return {
    finished,
    async printed(text) {
      while (!said.stdout.includes(text) && !ended) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    kill: (signal) => send(signal),
  };
}

/**
 * A project whose commands run within the process of the tests. In `npm run test:all`, where nothing
 * is in a hurry, each has a process of its own.
 */
export class QuickProject extends Project {
  begin(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningHere {
    return ALL ? this.startShadegrad(args, env) : startHere(this.folder, args, env);
  }

  override shadegrad(...args: string[]): Promise<Finished> {
    return this.begin(args).finished;
  }

  /** Runs a program of the project. */
  program(file: string, env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    if (ALL) return this.run(file, [], env);
    return startProgram(this.path(file), this.folder, [], env).finished;
  }

  /** Runs the command `shadegrad` in a process of its own, whatever is tested. */
  shadegradAlone(...args: string[]): Promise<Finished> {
    return super.shadegrad(...args);
  }
}
