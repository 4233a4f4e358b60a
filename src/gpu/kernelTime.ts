import type { PassTimer } from './commandQueue.js';

/** One dispatch, and the time that the GPU spent in it. */
export interface KernelTime {
  /** `conv2d.forward` */
  label: string;
  nanoseconds: number;
  /**
   * When it began, in milliseconds of `performance.now()`. The GPU's clock is its own: it is set so
   * that the first dispatch begins when it was submitted.
   */
  start: number;
  /** When it was enqueued, on the same clock. */
  enqueued: number;
  /** Floating-point operations of the result, 0 where they are not counted. */
  flops: number;
  /** Of all arrays that it was given. */
  bytes: number;
}

/** A timer that has measured, once what it timed is done. */
export interface KernelTimer extends PassTimer {
  /** One for each dispatch, in order. */
  read(): Promise<KernelTime[]>;
  dispose(): void;
}
