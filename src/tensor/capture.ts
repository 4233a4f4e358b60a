import { graphOf } from '../autograd/op.js';
import { reachable, tidy, unscoped } from '../autograd/scope.js';
import { ArgumentError } from '../errors.js';
import { currentDevice, isDryRun, type Device } from '../gpu/device.js';
import { Recording } from '../gpu/recording.js';
import { Tensor } from './tensor.js';

/** A function of tensors whose commands are recorded once and then enqueued again; see `capture`. */
export interface Captured<A extends readonly Tensor[], R> {
  (...args: A): R;
  /** Dispatches of one replay, of the recording that ran last; 0 before there is one. */
  readonly dispatches: number;
  /** Frees what the recordings hold. The next call starts anew. */
  dispose(): void;
}

/** What is known of calls with arguments of the same shapes. */
interface Entry<R> {
  /** Results of the first call, which runs plainly. */
  plain: Tensor[];
  recording: Recording | null;
  result: R | null;
}

/**
 * Turns `fn`, a whole training step or a forward pass, into one that runs on the GPU without running
 * on the host: the first call with arguments of some shapes runs `fn` as it is, the second one
 * records all that it enqueues, and later ones enqueue the same commands again, on the memory of
 * the arguments that they get. No op, no array and no bind group is made then.
 *
 * What changes from step to step is read anew each time: arguments, parameters, an optimizer's `lr`
 * and its other settings, its count of steps, positions in the stream of random numbers. All else
 * that `fn` reads on the host is fixed when it is recorded: `train()` or `eval()`, numbers,
 * conditions, how often a loop runs.
 *
 * Results are the same tensors at each call, with new values: read or copy them before the next call
 * where you need the old ones. They have no graph. `zeroGrad()` belongs into `fn`.
 *
 * @param fn  Of tensors that do not require grad; returns a tensor, or arrays, maps or plain objects
 *   with tensors in them. It must neither read back nor be async.
 * @throws ArgumentError for arguments that are no tensors or require grad, for a promise, for a
 *   result that is an argument, and where `fn` reads back or writes from the host.
 *
 * @example
 * const step = sg.capture((x, target) => {
 *   const loss = criterion.forward(model.forward(x), target);
 *   optimizer.zeroGrad();
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * });
 * for await (const [x, target] of loader) step(x, target);
 */
export function capture<A extends readonly Tensor[], R>(fn: (...args: A) => R): Captured<A, R> {
  const entries = new Map<string, Entry<R>>();
  let last: Recording | null = null;

  const call = (...args: A): R => {
    args.forEach(checkArgument);
    const device = args[0]?.array.device ?? currentDevice();
    if (device.recording) {
      throw new ArgumentError('capture', 'one captured function at a time', 'one within another');
    }
    if (isDryRun()) return fn(...args); // a dry run: nothing to record
    const key = signatureOf(args);
    const entry = entries.get(key);
    if (!entry) {
      const result = run(fn, args);
      entries.set(key, { plain: tensorsIn(result), recording: null, result: null });
      return result;
    }
    for (const tensor of entry.plain.splice(0)) if (!tensor.retained) tensor.dispose();
    if (!entry.recording) Object.assign(entry, record(fn, args, device));
    else entry.recording.replay(args.map(({ array }) => array.storage));
    last = entry.recording;
    return entry.result!;
  };
  const dispose = (): void => {
    for (const { plain, recording, result } of entries.values()) {
      for (const tensor of [...plain, ...tensorsIn(result)]) tensor.dispose();
      recording?.dispose();
    }
    entries.clear();
    last = null;
  };
  return Object.defineProperty(Object.assign(call, { dispose }), 'dispatches', {
    get: () => last?.dispatches ?? 0,
  }) as Captured<A, R>;
}

function record<A extends readonly Tensor[], R>(
  fn: (...args: A) => R,
  args: A,
  device: Device,
): Pick<Entry<R>, 'recording' | 'result'> {
  const storages = args.map(({ array }) => array.storage);
  const recording = new Recording(device, storages);
  try {
    const result = device.record(recording, () => run(fn, args));
    if (recording.violation) throw recording.violation;
    for (const tensor of tensorsIn(result)) tensor.retain();
    return { recording, result };
  } catch (error) {
    recording.dispose();
    throw error;
  }
}

/** Runs `fn` and leaves nothing of it but its results, without a graph. */
function run<A extends readonly Tensor[], R>(fn: (...args: A) => R, args: A): R {
  return unscoped(() =>
    tidy(() => {
      const result = fn(...args);
      if (result instanceof Promise) {
        throw new ArgumentError('capture', 'a function that returns at once', 'an async one');
      }
      if (tensorsIn(result).some((tensor) => isOneOf(args, tensor))) {
        const fix = 'Return a clone(), or use the argument itself.';
        throw new ArgumentError('capture', 'results with memory of their own', 'an argument', fix);
      }
      const open = tensorsIn(result).flatMap(({ op }) => (op && !op.consumed ? op : []));
      for (const op of graphOf(open)) if (!op.consumed) op.consume();
      return result;
    }),
  );
}

function isOneOf(args: readonly Tensor[], { array }: Tensor): boolean {
  return args.some((x) => x.array.storage === array.storage);
}

function checkArgument(x: unknown, i: number): void {
  if (!(x instanceof Tensor)) {
    const fix = 'Numbers are fixed when it is recorded: pass tensors.';
    throw new ArgumentError('capture', `a tensor as argument ${i}`, typeof x, fix);
  }
  if (x.requiresGrad) {
    const fix = 'Let the function use it without passing it.';
    throw new ArgumentError('capture', 'arguments that require no grad', `argument ${i}`, fix);
  }
}

/** All that must be alike for a recording to be good for other arguments. */
function signatureOf(args: readonly Tensor[]): string {
  const storages = args.map(({ array }) => array.storage);
  return args
    .map(({ array, shape, dtype }) => {
      const place = storages.indexOf(array.storage);
      return `${dtype}[${shape.join()}]@${place}+${array.byteOffset}`;
    })
    .join();
}

/** The tensors in a value, through arrays, maps and plain objects. */
function tensorsIn(value: unknown): Tensor[] {
  return [...reachable(value)].filter((item) => item instanceof Tensor);
}
