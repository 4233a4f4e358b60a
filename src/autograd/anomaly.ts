import { AutogradError, formatShape } from '../errors.js';
import { isDryRun, openDevice, type Device } from '../gpu/device.js';
import { isFloat } from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { fill } from './kernels/fill.js';
import { FOUND_INF, FOUND_NAN, inspect } from './kernels/finite.js';
import type { Op } from './op.js';

/**
 * Anomaly mode: which op made the first NaN or Inf? Each result is inspected by a kernel that sets
 * a word on the GPU, so nothing waits; the words are read with the next `data()`, `item()` or
 * `sync()`, and the first one that is set, in the order of computation, is what these throw.
 */

let byDefault = false;
/** Calls of detectAnomaly that have not ended. */
let running = 0;

/**
 * Switches anomaly mode on or off, for debugging: it inspects every result of an op that is
 * recorded, and every gradient, and notes where in the program each op was recorded.
 *
 * An AutogradError then names the op of the first NaN in a forward, or of the first NaN or Inf in a
 * backward; the next `await` of `data()`, `item()` or `sync()` throws it, once. An Inf in a forward
 * is no error by itself (attention masks are made of them); it is mentioned where it came before one.
 *
 * Source: https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection
 *
 * @example
 * sg.autograd.setDetectAnomaly(true);
 * x.log().mul(0).sum().backward();        // x has a 0
 * await sg.sync();                        // AutogradError: mul: forward made NaN in its result ...
 */
export function setDetectAnomaly(enabled: boolean): void {
  byDefault = enabled;
}

/** True within `detectAnomaly`, and after `setDetectAnomaly(true)`. */
export function isAnomalyEnabled(): boolean {
  return byDefault || running > 0;
}

/**
 * Runs `fn` in anomaly mode; see {@link setDetectAnomaly}. If `fn` is async, the promise that this
 * returns is rejected with what was found; else the next `await` of `data()`, `item()` or `sync()` is.
 *
 * @example
 * await sg.autograd.detectAnomaly(async () => {
 *   const loss = criterion.forward(model.forward(x), y);
 *   loss.backward();
 * });
 */
export function detectAnomaly<T>(fn: () => T): T {
  running++;
  let result: T;
  try {
    result = fn();
  } catch (error) {
    running--;
    throw error;
  }
  if (!(result instanceof Promise)) {
    running--;
    return result;
  }
  return result
    .finally(() => running--)
    .then(async (value: unknown) => {
      await openDevice()?.sync();
      return value;
    }) as T;
}

/** The names of inputs, for ops where the number of one says little. */
const WEIGHTED = ['x', 'weight', 'bias'];
const INPUT_NAMES: Readonly<Record<string, readonly string[]>> = {
  conv1d: WEIGHTED,
  conv2d: WEIGHTED,
  convTranspose2d: WEIGHTED,
  linear: WEIGHTED,
  batchNorm: WEIGHTED,
  layerNorm: WEIGHTED,
  groupNorm: WEIGHTED,
  crossEntropy: ['logits', 'target', 'weight'],
};

function inputName(op: Op, input: number): string {
  const name = INPUT_NAMES[op.name]?.[input];
  return `input ${input}${name ? ` (${name})` : ''}`;
}

/** Inspects the inputs that no op made, and the result, of an op that was just recorded. */
export function inspectForward(op: Op): void {
  if (!isAnomalyEnabled()) return;
  op.recordedAt = callStack();
  op.inputs.forEach((x, i) => {
    if (!x.op && !x.isFreed)
      journalOf(x.array).add(x.array, op, `forward got %s in ${inputName(op, i)}`);
  });
  const y = op.output!.array;
  journalOf(y).add(y, op, 'forward made %s in its result');
}

/** Inspects what `backward` of `op` gave for each input. */
export function inspectBackward(op: Op, gradients: readonly (GpuArray | null)[]): void {
  if (!isAnomalyEnabled()) return;
  gradients.forEach((dx, i) => {
    if (dx) journalOf(dx).add(dx, op, `backward made %s in the gradient of ${inputName(op, i)}`);
  });
}

/** Inspects the gradient of the result of `op` where it did not come from another op's backward. */
export function inspectGiven(op: Op, dy: GpuArray, by: string): void {
  if (isAnomalyEnabled()) journalOf(dy).add(dy, op, `backward got %s from ${by}`);
}

interface Entry {
  op: string;
  /** `%s` stands for what was found. */
  what: string;
  shape: string;
  recordedAt: string;
}

const PAGE = 1024; // results that one array of flags is for

/** What was inspected on one device since the flags were last read. */
class Journal {
  private entries: Entry[] = [];
  private pages: GpuArray[] = [];

  constructor(private readonly device: Device) {}

  add(array: GpuArray, op: Op, what: string): void {
    if (!isFloat(array.dtype) || array.numel === 0 || isDryRun()) return;
    const slot = this.entries.length % PAGE;
    if (slot === 0) this.pages.push(fill(GpuArray.empty([PAGE], 'u32', this.device), 0));
    const shape = formatShape(array.shape);
    this.entries.push({ op: op.name, what, shape, recordedAt: op.recordedAt });
    inspect(array, this.pages.at(-1)!, slot);
    this.device.inspection = () => this.check();
  }

  /** Reads the flags, and starts anew. @throws AutogradError for the first that is an anomaly. */
  async check(): Promise<void> {
    const { entries, pages } = this;
    this.entries = [];
    this.pages = [];
    const read = Promise.all(pages.map((page) => page.read()));
    for (const page of pages) page.release();
    const found = (await read).flatMap((page) => [...page]);
    const first = entries.findIndex(({ what }, i) =>
      what.startsWith('forward') ? found[i]! & FOUND_NAN : found[i],
    );
    if (first < 0) return;
    const { op, what, shape, recordedAt } = entries[first]!;
    const kind = found[first]! & FOUND_NAN ? 'NaN' : 'Inf';
    const earlier = entries.find((_, i) => i < first && found[i]! & FOUND_INF);
    const before = earlier
      ? ` The first Inf came before: ${earlier.op}: ${earlier.what.replace('%s', 'Inf')}, ${earlier.shape}.`
      : '';
    throw new AutogradError(
      `${op}: ${what.replace('%s', kind)}, ${shape}.${before} Its forward was recorded at:\n${recordedAt}`,
    );
  }
}

const journals = new WeakMap<Device, Journal>();

function journalOf({ device }: GpuArray): Journal {
  let journal = journals.get(device);
  if (!journal) journals.set(device, (journal = new Journal(device)));
  return journal;
}

/** Where the program is: all frames, since layers within layers take many. */
function callStack(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = Infinity;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return stack.replace(/^Error\n/, '');
}
