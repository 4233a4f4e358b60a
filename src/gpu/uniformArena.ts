import { UNIFORM_SLOT, type ParamTypes, type Shader } from './shader.js';

const SLOTS = 256;
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
  private used = 0;

  constructor(private readonly device: GPUDevice) {
    this.gpu = device.createBuffer({ label: 'uniforms', size: SLOTS * UNIFORM_SLOT, usage: USAGE });
  }

  get full(): boolean {
    return this.used === SLOTS;
  }

  /** Fills the next slot with the values of `params`. @returns its offset in bytes. */
  push<P extends ParamTypes>(shader: Shader<P>, params: Readonly<Record<string, number>>): number {
    const offset = this.used++ * UNIFORM_SLOT;
    let at = offset;
    for (const name of shader.paramNames) {
      const value = params[name]!;
      if (shader.params[name] === 'f32') this.view.setFloat32(at, value, true);
      else if (shader.params[name] === 'i32') this.view.setInt32(at, value, true);
      else this.view.setUint32(at, value, true);
      at += 4;
    }
    return offset;
  }

  /** Writes the filled slots to the GPU and frees them; a submit must follow at once. */
  flush(): void {
    if (this.used > 0)
      this.device.queue.writeBuffer(this.gpu, 0, this.bytes, 0, this.used * UNIFORM_SLOT);
    this.used = 0;
  }
}
