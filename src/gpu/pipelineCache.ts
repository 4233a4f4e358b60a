import { ShaderError } from '../errors.js';
import type { Shader } from './shader.js';

/** What makes one pipeline: an entry point of a shader with its flags and override constants. */
export interface PipelineSpec {
  shader: Shader;
  entry: string;
  flags: Readonly<Record<string, boolean>>;
  constants: Readonly<Record<string, number>>;
  /** Storage bindings that it reads, at bindings 1 to `inputs`. */
  inputs: number;
  /** Storage bindings that it writes, which follow. */
  outputs: number;
}

export interface Pipeline {
  readonly id: number;
  /** `maxPool2d.forward`, for errors and timings. */
  readonly label: string;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Bytes of one uniform slot: the alignment that WebGPU guarantees for dynamic offsets. */
export const UNIFORM_SLOT = 256;

const COMPUTE = 0x4; // GPUShaderStage.COMPUTE, which Node has no global for

function keyOf(spec: PipelineSpec): string {
  const flags = Object.entries(spec.flags).filter(([, on]) => on);
  const constants = Object.entries(spec.constants).map(([name, value]) => `${name}=${value}`);
  return `${spec.shader.name}.${spec.entry}|${flags.map(([name]) => name).join()}|${constants.join()}|${spec.inputs}:${spec.outputs}`;
}

/** Compute pipelines by shader, entry point, flags and constants; each is compiled once. */
export class PipelineCache {
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly modules = new Map<string, GPUShaderModule>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private nextId = 1;

  /** @param onError  Told of a shader that does not compile, as soon as the driver has said so. */
  constructor(
    private readonly device: GPUDevice,
    private readonly onError: (error: ShaderError) => void,
  ) {}

  has(spec: PipelineSpec): boolean {
    return this.pipelines.has(keyOf(spec));
  }

  /** The pipeline, compiled now if it is not there: tens of milliseconds, or seconds. */
  get(spec: PipelineSpec): Pipeline {
    const key = keyOf(spec);
    const known = this.pipelines.get(key);
    if (known) return known;
    return this.keep(key, spec, this.device.createComputePipeline(this.describe(spec)));
  }

  /**
   * Compiles the missing ones of `specs` at once, in the background.
   * @returns how many were compiled.
   * @throws ShaderError for the first that does not compile.
   */
  async warmUp(
    specs: Iterable<PipelineSpec>,
    onProgress?: (done: number, total: number) => void,
  ): Promise<number> {
    const missing = new Map<string, PipelineSpec>();
    for (const spec of specs) if (!this.has(spec)) missing.set(keyOf(spec), spec);
    let done = 0;
    await Promise.all(
      [...missing].map(async ([key, spec]) => {
        const descriptor = this.describe(spec);
        let gpu: GPUComputePipeline;
        try {
          gpu = await this.device.createComputePipelineAsync(descriptor);
        } catch (error) {
          throw (await this.compileError(spec, descriptor.compute.module)) ?? error;
        }
        this.keep(key, spec, gpu);
        onProgress?.(++done, missing.size);
      }),
    );
    return missing.size;
  }

  private keep(key: string, spec: PipelineSpec, gpu: GPUComputePipeline): Pipeline {
    const label = `${spec.shader.name}.${spec.entry}`;
    const pipeline = { id: this.nextId++, label, gpu, layout: this.layout(spec) };
    this.pipelines.set(key, pipeline);
    return pipeline;
  }

  private describe(spec: PipelineSpec): GPUComputePipelineDescriptor {
    return {
      label: `${spec.shader.name}.${spec.entry}`,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [this.layout(spec)] }),
      compute: {
        module: this.module(spec),
        entryPoint: spec.entry,
        constants: { ...spec.constants },
      },
    };
  }

  private module({
    shader,
    flags,
    inputs,
    outputs,
    constants,
    entry,
  }: PipelineSpec): GPUShaderModule {
    const on = shader.flags.filter((name) => flags[name]);
    const key = `${shader.name}|${on.join()}`;
    const known = this.modules.get(key);
    if (known) return known;
    const module = this.device.createShaderModule({
      label: shader.name,
      code: shader.assemble(flags),
    });
    this.modules.set(key, module);
    void this.compileError({ shader, flags, inputs, outputs, constants, entry }, module).then(
      (error) => {
        if (error) this.onError(error);
      },
    );
    return module;
  }

  private async compileError(
    { shader, flags }: PipelineSpec,
    module: GPUShaderModule,
  ): Promise<ShaderError | null> {
    // A device that closes meanwhile rejects; whoever closed it is not waiting for this.
    const info = await module.getCompilationInfo().catch(() => null);
    const errors = info?.messages.filter((message) => message.type === 'error') ?? [];
    if (errors.length === 0) return null;
    const lines = errors.map(({ lineNum, linePos, message }) => {
      const { file, line, text } = shader.locate(lineNum);
      return `${file}:${line}:${linePos}: ${message}\n  ${text.trim()}`;
    });
    const on = Object.keys(flags).filter((name) => flags[name]);
    return new ShaderError(`${lines.join('\n')}${on.length ? `\n  with ${on.join(', ')}` : ''}`);
  }

  /** Explicit, so that every pipeline with as many bindings shares one layout. */
  private layout({ shader, inputs, outputs }: PipelineSpec): GPUBindGroupLayout {
    const hasParams = shader.paramNames.length > 0;
    const key = `${hasParams}:${inputs}:${outputs}`;
    const known = this.layouts.get(key);
    if (known) return known;
    const entries: GPUBindGroupLayoutEntry[] = [];
    if (hasParams) {
      entries.push({
        binding: 0,
        visibility: COMPUTE,
        buffer: { type: 'uniform', hasDynamicOffset: true },
      });
    }
    for (let i = 0; i < inputs + outputs; i++) {
      const type = i < inputs ? 'read-only-storage' : 'storage';
      entries.push({ binding: 1 + i, visibility: COMPUTE, buffer: { type } });
    }
    const layout = this.device.createBindGroupLayout({ label: key, entries });
    this.layouts.set(key, layout);
    return layout;
  }
}
