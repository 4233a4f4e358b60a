/** The side that tells: starts a worker for a peer, in Node or in a page, and ends one that is late. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command, ReplyTo } from './worker.js';

/** A worker did not answer in time and was ended. */
export class LimitError extends Error {
  override readonly name = 'LimitError';
}

/** A worker that runs. */
export interface Host {
  /** @throws LimitError after `limitMs`; the host is closed then. Error that the worker reports. */
  send: <C extends Command>(command: C, limitMs: number) => Promise<ReplyTo<C>>;
  /** Whether it can be sent anything still. */
  readonly alive: boolean;
  close: () => Promise<void>;
}

/** What came in `limitMs`; else `end` is called. */
export async function within<T>(answer: Promise<T>, limitMs: number, end: () => void): Promise<T> {
  if (limitMs === Infinity) return answer;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        end();
        reject(new LimitError(`over ${(limitMs / 1000).toFixed(0)} s`));
      },
      Math.max(0, limitMs),
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

const STDERR_TAIL = 2000;

type Answer = { reply: unknown } | { error: string };

/** A worker in a process of its own, since two libraries on WebGPU in one process disturb each other. */
export class NodeHost implements Host {
  alive = true;
  private readonly child: ChildProcess;
  private stderr = '';
  private answer: { resolve: (reply: unknown) => void; reject: (error: Error) => void } | null =
    null;

  constructor() {
    this.child = fork(fileURLToPath(new URL('nodeWorker.js', import.meta.url)), [], {
      execArgv: ['--expose-gc'],
      serialization: 'advanced',
      // What libraries print (banners, warnings) would stand in the middle of the table.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.child.stderr!.on('data', (data: Buffer) => {
      this.stderr = (this.stderr + data.toString()).slice(-STDERR_TAIL);
    });
    this.child.on('message', (answer: Answer) => {
      if ('error' in answer) this.answer?.reject(new Error(answer.error));
      else this.answer?.resolve(answer.reply);
      this.answer = null;
    });
    this.child.on('exit', (code, signal) => {
      this.alive = false;
      const lastLine = this.stderr.trim().split('\n').at(-1) ?? '';
      this.answer?.reject(new Error(`the process ended (${signal ?? code}): ${lastLine}`));
    });
  }

  send<C extends Command>(command: C, limitMs: number): Promise<ReplyTo<C>> {
    const answer = new Promise<unknown>((resolve, reject) => {
      this.answer = { resolve, reject };
      this.child.send(command);
    });
    return within(answer, limitMs, () => this.kill()) as Promise<ReplyTo<C>>;
  }

  close(): Promise<void> {
    if (!this.alive) return Promise.resolve();
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.kill();
    return ended;
  }

  /** At once: a dispatch on a software adapter cannot be interrupted otherwise. */
  private kill(): void {
    this.alive = false;
    this.child.kill('SIGKILL');
  }
}
