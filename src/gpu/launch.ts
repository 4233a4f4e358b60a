import { DeviceError, DisposedError, formatShape, OutOfMemoryError } from '../errors.js';
import type { BufferRange } from './bindGroupCache.js';
import type { WorkgroupCount } from './commandQueue.js';
import { currentDryRun, isDryRun, type Device } from './device.js';
import type { GpuArray } from './gpuArray.js';
import type { PipelineSpec } from './pipelineCache.js';
import type { FlagsOf, LiveParamsOf, Param, ParamTypes, Shader } from './shader.js';

/** Threads of a workgroup where the launch does not say; kernels have `override WORKGROUP`. */
export const WORKGROUP = 64;
const MOST_WORKGROUPS = 65535; // in each dimension: WebGPU's default limit, and most adapters'

export interface LaunchOptions<S> {
  /** Read, at bindings 1, 2, ... */
  inputs: readonly GpuArray[];
  /** Written, at the bindings that follow; may be read too. */
  outputs: readonly GpuArray[];
  params: LiveParamsOf<S>;
  flags?: FlagsOf<S>;
  /** Override constants, which only tune. */
  constants?: Readonly<Record<string, number>>;
  /**
   * How many threads do something. The kernel has `override WORKGROUP` (threads.wgsl) and gets
   * workgroups enough, folded into two dimensions where one cannot count them.
   */
  threads?: number;
  /** Instead of `threads`: the workgroups themselves. */
  workgroups?: WorkgroupCount;
  /**
   * Instead of `threads`, for a kernel that takes the first `params.count` elements of each array
   * one by one: how many there are. Where the arrays are larger than one binding can be, it is
   * launched on one part after the other, and a field `start` of the params says where the part
   * starts. Arrays with another number of elements are bound whole.
   */
  elements?: number;
  /** Floating-point operations that the result takes, for the profiler. Default 0: not counted. */
  flops?: number;
  /** Of `elements`, those of each thread; default a choice, for a kernel that loops by threadCount(). */
  perThread?: number;
}

const SEVERAL = 8; // elements of a thread, whose start costs as much as two or three of them
const ENOUGH_THREADS = 16384; // to keep an adapter busy, before one takes several elements

/** How many threads share `count` elements in a kernel that loops by threadCount(). */
export function elementThreads(count: number): number {
  return Math.max(Math.min(count, ENOUGH_THREADS), Math.ceil(count / SEVERAL));
}

/** Enqueues one dispatch of `entry` in `shader`, or one for each part of large arrays. */
export function launch<P extends ParamTypes, F extends string>(
  shader: Shader<P, F>,
  entry: string,
  options: LaunchOptions<Shader<P, F>>,
): void {
  const { elements, perThread, ...rest } = options;
  if (elements === undefined) {
    launchOnce(shader, entry, rest);
    return;
  }
  const threadsFor = (count: number): number =>
    perThread ? Math.ceil(count / perThread) : elementThreads(count);
  const whole = [...options.inputs, ...options.outputs];
  const largest = Math.max(...whole.map(({ bytes }) => bytes));
  if (largest <= whole[0]!.device.bindingLimit) {
    launchOnce(shader, entry, { ...rest, threads: threadsFor(elements) });
    return;
  }
  const fitting = Math.floor(whole[0]!.device.bindingLimit / WIDEST);
  const most = Math.floor(fitting / ALIGNED) * ALIGNED || fitting;
  for (let start = 0; start < elements; start += most) {
    const count = Math.min(most, elements - start);
    const part = (array: GpuArray): GpuArray =>
      array.numel === elements ? array.part(start, [count]) : array.share();
    const inputs = options.inputs.map(part);
    const outputs = options.outputs.map(part);
    try {
      launchOnce(shader, entry, {
        ...rest,
        inputs,
        outputs,
        params: { ...options.params, count, ...('start' in shader.params && { start }) },
        threads: threadsFor(count),
      });
      options.outputs.forEach((array, i) => {
        if (array.numel === elements) array.setPart(start, outputs[i]!);
      });
    } finally {
      for (const array of [...inputs, ...outputs]) array.release();
    }
  }
}

const WIDEST = 4; // bytes of the widest element
const ALIGNED = 128; // elements: parts of any dtype then start where a binding may

function launchOnce<P extends ParamTypes, F extends string>(
  shader: Shader<P, F>,
  entry: string,
  options: LaunchOptions<Shader<P, F>>,
): void {
  const arrays = [...options.inputs, ...options.outputs];
  const device = arrays[0]!.device;
  for (const array of arrays) {
    if (array.device !== device && !isDryRun()) {
      throw new DeviceError(
        `${shader.name}: expected tensors of one device, got two. Move the data with tensor(await t.data()).`,
      );
    }
    if (array.isReleased)
      throw new DisposedError(`${shader.name}.${entry}: an array was released before its use`);
    if (array.bytes > device.bindingLimit) {
      throw new OutOfMemoryError(
        `${shader.name}: expected at most ${device.bindingLimit} bytes in one binding of this adapter, got ${array.bytes} for a tensor ${formatShape(array.shape)}. Use a smaller batch.`,
      );
    }
  }

  const byThreads = options.threads !== undefined;
  const constants = byThreads ? { WORKGROUP, ...options.constants } : (options.constants ?? {});
  const groups = byThreads
    ? foldWorkgroups(Math.ceil(options.threads! / constants.WORKGROUP!))
    : options.workgroups!;
  if (groups.some((count) => count === 0)) return; // nothing to do: an empty tensor

  const spec: PipelineSpec = {
    shader: shader as Shader,
    entry,
    flags: {
      ...(options.flags as Record<string, boolean> | undefined),
      F16: arrays.some(({ dtype }) => dtype === 'f16'),
      SUBGROUPS: device.hasSubgroups && shader.uses('SUBGROUPS'),
      SUBGROUP_MATRICES: device.hasSubgroupMatrices && shader.uses('SUBGROUP_MATRICES'),
    },
    constants,
    inputs: options.inputs.length,
    outputs: options.outputs.length,
  };
  const dryRun = currentDryRun();
  if (dryRun) {
    dryRun.specs.push(spec);
    return;
  }
  device.throwIfFailed();
  for (const { storage } of options.outputs) {
    storage.version++;
    device.recording?.addWrite(storage);
  }
  if (device.debug) debugged(device, spec, () => enqueue(device, spec, options, arrays, groups));
  else enqueue(device, spec, options, arrays, groups);
}

function enqueue<S>(
  device: Device,
  spec: PipelineSpec,
  options: LaunchOptions<S>,
  arrays: readonly GpuArray[],
  groups: WorkgroupCount,
): void {
  const { queue } = device;
  const { shader } = spec;
  const pipeline = device.pipelines.get(spec);
  queue.reserve();
  const ranges = arrays.map((array): BufferRange => {
    const buffer = array.storage.pooled(shader.name);
    buffer.lastUse = queue.serial;
    return { buffer, offset: array.byteOffset, size: bindingSize(array) };
  });
  const hasParams = shader.paramNames.length > 0;
  const group = device.bindGroups.get(pipeline, hasParams, ranges);
  const params = options.params as Record<string, Param>;
  const offset = hasParams ? queue.uniforms.push(shader, params) : null;
  const bytes = arrays.reduce((sum, array) => sum + array.bytes, 0);
  const cost = { flops: options.flops ?? 0, bytes };
  queue.dispatch(pipeline, group, offset, groups, cost);
  if (device.recording) {
    const storages = arrays.map(({ storage }) => storage);
    device.recording.addDispatch(
      { pipeline, group, groups, cost },
      ranges,
      storages,
      shader,
      params,
    );
  }
}

/** Runs one launch and its submit inside error scopes, so that a failure carries its name. */
function debugged(device: Device, spec: PipelineSpec, run: () => void): void {
  const label = `${spec.shader.name}.${spec.entry}`;
  const filters: GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal'];
  device.queue.flush();
  for (const filter of filters) device.gpu.pushErrorScope(filter);
  try {
    run();
    device.queue.flush();
  } finally {
    for (const filter of filters.reverse()) {
      const popped = device.gpu.popErrorScope();
      device.watch(
        popped.then(
          (error) => error && new DeviceError(`${label}: ${filter} error: ${error.message}`),
        ),
      );
    }
  }
}

/** Exactly the array's elements, so that arrayLength() in a kernel is true. */
function bindingSize(array: GpuArray): number {
  return Math.max(array.bytes, 4);
}

function foldWorkgroups(count: number): WorkgroupCount {
  if (count <= MOST_WORKGROUPS) return [count, 1, 1];
  const y = Math.ceil(count / MOST_WORKGROUPS);
  return [Math.ceil(count / y), y, 1];
}
