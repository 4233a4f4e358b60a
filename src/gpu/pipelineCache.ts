import { DeviceError, ShaderError, type ShadegradError } from '../errors.js';
import type { IdleWait } from './idleWait.js';
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

/** A compiled .wgsl file with its flags. */
interface Module {
  gpu: GPUShaderModule;
  /** What the compiler found wrong; asked once, for Chromium never answers a second time. */
  error: Promise<ShaderError | null>;
}

const COMPUTE = 0x4; // GPUShaderStage.COMPUTE, which Node has no global for

function keyOf(spec: PipelineSpec): string {
  const constants = Object.entries(spec.constants).map(([name, value]) => `${name}=${value}`);
  return `${labelOf(spec)}|${flagsOf(spec).join()}|${constants.join()}|${spec.inputs}:${spec.outputs}`;
}

function labelOf({ shader, entry }: PipelineSpec): string {
  return `${shader.name}.${entry}`;
}

/** The flags that are on, in the shader's order. */
function flagsOf({ shader, flags }: PipelineSpec): string[] {
  return shader.flags.filter((name) => flags[name]);
}

/** Compute pipelines by shader, entry point, flags and constants; each is compiled once. */
export class PipelineCache {
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly modules = new Map<string, Module>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private nextId = 1;

  /** @param watch  Given what comes of each compilation that nobody waits for: null or its error. */
  constructor(
    private readonly device: GPUDevice,
    private readonly wait: IdleWait,
    private readonly watch: (check: Promise<ShadegradError | null>) => void,
  ) {}

  has(spec: PipelineSpec): boolean {
    return this.pipelines.has(keyOf(spec));
  }

  /** The pipeline, compiled now if it is not there: tens of milliseconds, or seconds. */
  get(spec: PipelineSpec): Pipeline {
    const key = keyOf(spec);
    const known = this.pipelines.get(key);
    if (known) return known;
    const module = this.module(spec);
    const { made, invalid } = this.validated(() =>
      this.device.createComputePipeline(this.describe(spec, module)),
    );
    this.watch(
      Promise.all([module.error, invalid]).then(
        ([shaderError, error]) => shaderError ?? (error && pipelineError(spec, error)),
      ),
    );
    return this.keep(key, spec, made);
  }

  /**
   * Compiles the missing ones of `specs` at once, in the background.
   * @returns how many were compiled.
   * @throws ShaderError for the first that does not compile, DeviceError for one that the adapter
   *   refuses.
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
        const module = this.module(spec);
        let gpu: GPUComputePipeline;
        try {
          const made = this.device.createComputePipelineAsync(this.describe(spec, module));
          gpu = await this.wait.for(made);
        } catch (error) {
          throw (await module.error) ?? pipelineError(spec, error as Error);
        }
        this.keep(key, spec, gpu);
        onProgress?.(++done, missing.size);
      }),
    );
    return missing.size;
  }

  private keep(key: string, spec: PipelineSpec, gpu: GPUComputePipeline): Pipeline {
    const pipeline = { id: this.nextId++, label: labelOf(spec), gpu, layout: this.layout(spec) };
    this.pipelines.set(key, pipeline);
    return pipeline;
  }

  private describe(spec: PipelineSpec, module: Module): GPUComputePipelineDescriptor {
    return {
      label: labelOf(spec),
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [this.layout(spec)] }),
      compute: {
        module: module.gpu,
        entryPoint: spec.entry,
        constants: { ...spec.constants },
      },
    };
  }

  private module(spec: PipelineSpec): Module {
    const { shader, flags } = spec;
    const key = `${shader.name}|${flagsOf(spec).join()}`;
    const known = this.modules.get(key);
    if (known) return known;
    const { made, invalid } = this.validated(() =>
      this.device.createShaderModule({ label: shader.name, code: shader.assemble(flags) }),
    );
    void invalid.catch(() => null); // the compilation info says more
    const module = { gpu: made, error: compileError(spec, made) };
    this.modules.set(key, module);
    return module;
  }

  /** What `make` made, and its validation error, which then is no uncaptured one. */
  private validated<T>(make: () => T): { made: T; invalid: Promise<GPUError | null> } {
    this.device.pushErrorScope('validation');
    let made: T;
    let invalid: Promise<GPUError | null>;
    try {
      made = make();
    } finally {
      invalid = this.device.popErrorScope();
    }
    return { made, invalid };
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

async function compileError(
  spec: PipelineSpec,
  module: GPUShaderModule,
): Promise<ShaderError | null> {
  // A device that closes meanwhile rejects; whoever closed it is not waiting for this.
  const info = await module.getCompilationInfo().catch(() => null);
  const errors = info?.messages.filter((message) => message.type === 'error') ?? [];
  if (errors.length === 0) return null;
  const lines = errors.map(({ lineNum, linePos, message }) => {
    const { file, line, text } = spec.shader.locate(lineNum);
    return `${file}:${line}:${linePos}: ${message}\n  ${text.trim()}`;
  });
  const flags = flagsOf(spec);
  return new ShaderError(
    `${lines.join('\n')}${flags.length ? `\n  with ${flags.join(', ')}` : ''}`,
  );
}

function pipelineError(spec: PipelineSpec, { message }: { message: string }): DeviceError {
  return new DeviceError(`${labelOf(spec)}: ${message}`);
}
