import { isNode } from './runtime.js';

/** Milliseconds from the start of a wait, and how long a turn of the event loop is held then. */
const PAUSES = [
  { after: 2, pause: 1 },
  { after: 0.3, pause: 0.2 },
] as const;

/**
 * Waits for promises of the GPU without keeping a core busy.
 *
 * As long as one of its promises is pending, the package `webgpu` asks Dawn for news in every turn of
 * Node's event loop, and the loop turns without a pause: that takes a core, which a software adapter
 * needs for the work itself. So turns are held up while somebody waits here, not at all at first,
 * since a GPU often answers within a fraction of a millisecond, and for a millisecond at most, since
 * timers and sockets of the program wait as long. A browser needs none of this.
 */
export class IdleWait {
  private pending = 0;
  private start = 0;
  private isTurning = false;
  /** Never notified: to wait for it is to sleep. Pages have no shared memory, and do not come here. */
  private cell: Int32Array | null = null;

  /** What `promise` resolves to. */
  async for<T>(promise: Promise<T>): Promise<T> {
    if (!isNode()) return promise;
    this.start = performance.now();
    this.pending++;
    if (!this.isTurning) setImmediate(this.turn);
    this.isTurning = true;
    try {
      return await promise;
    } finally {
      this.pending--;
    }
  }

  private readonly turn = (): void => {
    this.isTurning = this.pending > 0;
    if (!this.isTurning) return;
    const waited = performance.now() - this.start;
    const pause = PAUSES.find(({ after }) => waited >= after)?.pause;
    this.cell ??= new Int32Array(new SharedArrayBuffer(4));
    if (pause) Atomics.wait(this.cell, 0, 0, pause);
    setImmediate(this.turn);
  };
}
