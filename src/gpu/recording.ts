import type { BufferRange } from './bindGroupCache.js';
import type { BufferOwner, PooledBuffer } from './bufferPool.js';
import type { RecordedCopy, RecordedDispatch, Segment } from './commandQueue.js';
import { isDryRun, type Device } from './device.js';
import type { Storage } from './gpuArray.js';
import { UNIFORM_SLOT, type Param, type ParamTypes, type Shader } from './shader.js';
import { SLOTS, writeParam, writeParams } from './uniformArena.js';

/** A uniform that has another value at each replay. */
interface LiveField {
  view: DataView;
  at: number;
  type: ParamTypes[string];
  value: () => number;
}

/** What makes the bind group of a dispatch anew for other arguments. */
interface Binding {
  command: RecordedDispatch;
  ranges: readonly BufferRange[];
  /** The argument that each range is of; -1 for none. */
  args: readonly number[];
  hasParams: boolean;
}

/**
 * The commands of one run of a function, to be enqueued again without running it.
 *
 * While it records it hands out the buffers: those taken meanwhile are its own from then on, and go
 * back to the pool with `dispose`, so that nothing else writes to them between replays. Buffers that
 * were there before are pinned: memory that is given up is not used for anything else.
 */
export class Recording implements BufferOwner {
  readonly segments: Segment[] = [];
  dispatches = 0;
  /** What was tried that a replay could not do again. */
  violation: Error | null = null;
  private readonly live: LiveField[] = [];
  /** What the host does at each replay, in order: it draws random positions and counts steps. */
  private readonly effects: (() => void)[] = [];
  /** Commands that read or write an argument, by the argument. */
  private readonly bindings: Binding[][];
  private readonly copies: { command: RecordedCopy; end: 'from' | 'to' }[][];
  private readonly argBuffers: PooledBuffer[];
  private readonly own = new Set<PooledBuffer>();
  private readonly idle = new Map<number, PooledBuffer[]>();
  /** Its own, but written by the host once: no command may use their memory again. */
  private readonly constants = new Set<PooledBuffer>();
  /** Those of them that nobody holds. */
  private readonly spent: PooledBuffer[] = [];
  private readonly pinned = new Set<PooledBuffer>();
  private readonly written = new Set<Storage>();

  /** @param args  The arrays that other ones may stand for at a replay. */
  constructor(
    private readonly device: Device,
    private readonly args: readonly Storage[],
  ) {
    this.bindings = args.map(() => []);
    this.copies = args.map(() => []);
    this.argBuffers = args.map((storage) => storage.pooled('capture'));
  }

  /** An idle buffer of its own, of this size. */
  take(size: number): PooledBuffer | undefined {
    return this.idle.get(size)?.pop();
  }

  /** Makes a buffer that was just taken its own. */
  adopt(buffer: PooledBuffer): void {
    buffer.owner = this;
    this.own.add(buffer);
  }

  /** Takes a buffer back that nobody holds any more. */
  giveBack(buffer: PooledBuffer): void {
    if (this.constants.has(buffer)) {
      this.spent.push(buffer);
      return;
    }
    const list = this.idle.get(buffer.size);
    if (list) list.push(buffer);
    else this.idle.set(buffer.size, [buffer]);
  }

  /** Keeps what the host wrote to a buffer that was just taken, for a replay does not write it again. */
  keepConstant(buffer: PooledBuffer): void {
    this.constants.add(buffer);
  }

  /** Has `effect` run at each replay. */
  addEffect(effect: () => void): void {
    this.effects.push(effect);
  }

  addDispatch(
    dispatch: Omit<RecordedDispatch, 'kind' | 'uniformOffset'>,
    ranges: readonly BufferRange[],
    storages: readonly Storage[],
    shader: Shader,
    params: Readonly<Record<string, Param>>,
  ): void {
    const hasParams = shader.paramNames.length > 0;
    const segment = this.segment();
    const at = segment.slots * UNIFORM_SLOT;
    if (hasParams) {
      segment.slots++;
      const view = new DataView(segment.block.buffer, at, UNIFORM_SLOT);
      writeParams(view, 0, shader, params);
      shader.paramNames.forEach((name, i) => {
        const value = params[name]!;
        if (typeof value === 'function')
          this.live.push({ view, at: 4 * i, type: shader.params[name]!, value });
      });
    }
    const command: RecordedDispatch = {
      kind: 'dispatch',
      ...dispatch,
      uniformOffset: hasParams ? at : null,
    };
    segment.commands.push(command);
    this.dispatches++;
    this.hold(ranges.map(({ buffer }) => buffer));
    const args = storages.map((storage) => this.args.indexOf(storage));
    const binding = { command, ranges, args, hasParams };
    for (const arg of new Set(args)) if (arg >= 0) this.bindings[arg]!.push(binding);
  }

  addCopy(copy: Omit<RecordedCopy, 'kind'>, from: Storage, to: Storage): void {
    const command: RecordedCopy = { kind: 'copy', ...copy };
    this.segment().commands.push(command);
    this.hold([copy.from, copy.to]);
    this.copies[this.args.indexOf(from)]?.push({ command, end: 'from' });
    this.copies[this.args.indexOf(to)]?.push({ command, end: 'to' });
  }

  /** Notes that a replay changes what was there before. */
  addWrite(storage: Storage): void {
    this.written.add(storage);
  }

  /** Enqueues it all again. @param args  Stand for the arguments of the recorded run. */
  replay(args: readonly Storage[]): void {
    const { device } = this;
    device.throwIfFailed();
    this.rebind(args);
    for (const effect of this.effects) effect();
    for (const { view, at, type, value } of this.live) writeParam(view, at, type, value());
    for (const storage of this.written) storage.version++;
    const buffers = [...this.own, ...this.pinned, ...this.argBuffers];
    device.queue.replay(this.segments, buffers);
  }

  /** Gives its buffers back, those that somebody holds when they let go. */
  dispose(): void {
    const { pool } = this.device;
    const unused = new Set([...this.spent, ...[...this.idle.values()].flat()]);
    for (const buffer of this.own) {
      buffer.owner = null;
      if (unused.has(buffer)) pool.release(buffer);
    }
    for (const buffer of this.pinned) pool.unpin(buffer);
    this.own.clear();
    this.pinned.clear();
    this.idle.clear();
  }

  private segment(): Segment {
    const last = this.segments.at(-1);
    if (last && last.slots < SLOTS) return last;
    const segment = { commands: [], block: new Uint8Array(SLOTS * UNIFORM_SLOT), slots: 0 };
    this.segments.push(segment);
    return segment;
  }

  private hold(buffers: readonly PooledBuffer[]): void {
    for (const buffer of buffers) {
      if (this.own.has(buffer) || this.pinned.has(buffer) || this.argBuffers.includes(buffer))
        continue;
      this.pinned.add(buffer);
      buffer.pins++;
    }
  }

  /** Has the commands on arguments use the buffers of these. */
  private rebind(args: readonly Storage[]): void {
    const stale = new Set<Binding>();
    args.forEach((storage, arg) => {
      const buffer = storage.pooled('capture');
      if (buffer === this.argBuffers[arg]) return;
      this.argBuffers[arg] = buffer;
      for (const binding of this.bindings[arg]!) stale.add(binding);
      for (const { command, end } of this.copies[arg]!) command[end] = buffer;
    });
    for (const { command, ranges, args: argOf, hasParams } of stale) {
      const now = ranges.map((range, i) => {
        const arg = argOf[i]!;
        return arg < 0 ? range : { ...range, buffer: this.argBuffers[arg]! };
      });
      command.group = this.device.bindGroups.get(command.pipeline, hasParams, now);
    }
  }
}

/**
 * What `make` gives, as a function: while commands are recorded, `make` runs again at each replay,
 * and uniforms that call the function see its new value.
 */
export function replayed<T>(device: Device, make: () => T): () => T {
  if (isDryRun()) return make; // no launch asks for it
  let value = make();
  device.recording?.addEffect(() => {
    value = make();
  });
  return () => value;
}
