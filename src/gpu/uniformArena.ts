import { UNIFORM_SLOT, type Param, type ParamTypes, type Shader } from './shader.js';

/** Dispatches whose uniforms fit. */
export const SLOTS = 1024;
const USAGE = 0x40 /* UNIFORM */ | 0x8; /* COPY_DST */

/**
 * The uniforms of the commands that wait for a submit, one slot each.
 *
 * `queue.writeBuffer` takes effect before an encoder that is still open, so slots are filled on
 * the host and written all at once just before the submit, and reused only after it.
 */
export class UniformArena {
  readonly gpu: GPUBuffer;
  private readonly bytes = new ArrayBuffer(SLOTS * UNIFORM_SLOT);
  private readonly view = new DataView(this.bytes);
  private readonly all = new Uint8Array(this.bytes);
  private used = 0;

  constructor(device: GPUDevice) {
    this.gpu = device.createBuffer({ label: 'uniforms', size: SLOTS * UNIFORM_SLOT, usage: USAGE });
  }

  /** Slots that are free. */
  get room(): number {
    return SLOTS - this.used;
  }

  /** Fills the next slot with the values of `params`. @returns its offset in bytes. */
  push<P extends ParamTypes>(shader: Shader<P>, params: Readonly<Record<string, Param>>): number {
    const offset = this.used++ * UNIFORM_SLOT;
    writeParams(this.view, offset, shader, params);
    return offset;
  }

  /** Fills the next `slots` slots with a block that was filled before. @returns its offset in bytes. */
  pushBlock(block: Uint8Array, slots: number): number {
    const offset = this.used * UNIFORM_SLOT;
    this.all.set(block.subarray(0, slots * UNIFORM_SLOT), offset);
    this.used += slots;
    return offset;
  }

  /** Writes the filled slots to the GPU and frees them; a submit must follow at once. */
  flush(queue: Pick<GPUQueue, 'writeBuffer'>): void {
    if (this.used > 0) queue.writeBuffer(this.gpu, 0, this.bytes, 0, this.used * UNIFORM_SLOT);
    this.used = 0;
  }
}

/** Writes the values of `params` to one slot. @param at  Where it starts, in bytes. */
export function writeParams<P extends ParamTypes>(
  view: DataView,
  at: number,
  shader: Shader<P>,
  params: Readonly<Record<string, Param>>,
): void {
  for (const name of shader.paramNames) {
    const given = params[name]!;
    const value = typeof given === 'function' ? given() : given;
    writeParam(view, at, shader.params[name]!, value);
    at += 4;
  }
}

/** Writes one value, of a type of WGSL. */
export function writeParam(
  view: DataView,
  at: number,
  type: ParamTypes[string],
  value: number,
): void {
  if (type === 'f32') view.setFloat32(at, value, true);
  else if (type === 'i32') view.setInt32(at, value, true);
  else view.setUint32(at, value, true);
}
