import { ShaderError } from '../errors.js';
import { preprocess, stripComments } from './preprocess.js';

/** Bytes for one launch's uniforms: the alignment that WebGPU guarantees for dynamic offsets. */
export const UNIFORM_SLOT = 256;

export type ParamType = 'u32' | 'i32' | 'f32';
export type ParamTypes = Readonly<Record<string, ParamType>>;

export interface ShaderOptions<P extends ParamTypes, F extends string> {
  /** Base name of the .wgsl file, and of the op that it belongs to. */
  name: string;
  /** The text of the file. */
  source: string;
  /** The fields of its `struct Params`, in the order of the struct. */
  params: P;
  /** The names that its `#if` conditions use. */
  flags?: readonly F[];
  /** Shared functions that it calls: text of other .wgsl files by name. */
  includes?: Readonly<Record<string, string>>;
}

/**
 * Flags that every shader has. `launch` sets F16 if one of the arrays is of f16, and SUBGROUPS and
 * SUBGROUP_MATRICES where the adapter has them.
 */
const COMMON_FLAGS = ['F16', 'SUBGROUPS', 'SUBGROUP_MATRICES'] as const;
type CommonFlag = (typeof COMMON_FLAGS)[number];

/** The type `scalar` that arrays of the op's dtype are declared with. */
const SCALARS = { I32: 'i32', U32: 'u32', F16: 'f16' } as const;

/** One .wgsl file: its text, the fields of its uniform struct and the flags of its `#if`s. */
export class Shader<P extends ParamTypes = ParamTypes, F extends string = string> {
  readonly name: string;
  readonly params: P;
  readonly paramNames: readonly (keyof P & string)[];
  readonly flags: readonly (F | CommonFlag)[];
  private readonly parts: { file: string; text: string; lines: number }[];

  constructor(options: ShaderOptions<P, F>) {
    this.name = options.name;
    this.params = options.params;
    this.paramNames = Object.keys(options.params);
    this.flags = [...(options.flags ?? []), ...COMMON_FLAGS];
    // The main file comes first, so that its line numbers need no translation in the browser's
    // tools; the order of declarations does not matter in WGSL.
    const files = { [options.name]: options.source, ...options.includes };
    this.parts = Object.entries(files).map(([name, text]) => ({
      file: `shaders/${name}.wgsl`,
      text,
      lines: text.split('\n').length,
    }));
    this.checkParams(options.source);
  }

  /** True if it has a path for subgroups, or for subgroup matrices. */
  uses(flag: 'SUBGROUPS' | 'SUBGROUP_MATRICES'): boolean {
    return this.parts.some(({ text }) =>
      new RegExp(`^\\s*#(if|elif)\\s+${flag}\\b`, 'm').test(text),
    );
  }

  /** The WGSL that the compiler sees for these flags; flags that are not given are false. */
  assemble(flags: Partial<Record<F | CommonFlag, boolean>>): string {
    const values = Object.fromEntries(this.flags.map((name) => [name, flags[name] ?? false]));
    const text = this.parts.map((part) => preprocess(part.text, values, part.file)).join('\n');
    // Put in front of the first line, since line numbers must stay those of the file.
    return prelude(values) + text;
  }

  /** File, line within it, and source text of a line (from 1) of the assembled WGSL. */
  locate(line: number): { file: string; line: number; text: string } {
    let rest = line;
    for (const { file, text, lines } of this.parts) {
      if (rest <= lines) return { file, line: rest, text: text.split('\n')[rest - 1] ?? '' };
      rest -= lines;
    }
    return { file: this.parts[0]!.file, line, text: '' };
  }

  /** The uniform buffer is filled from `params`: a struct that disagrees would read garbage. */
  private checkParams(source: string): void {
    const body = /struct\s+Params\s*\{([^}]*)\}/.exec(stripComments(source))?.[1] ?? '';
    const inShader = [...body.matchAll(/(\w+)\s*:\s*(\w+)/g)].map(
      ([, name, type]) => `${name}: ${type}`,
    );
    const inHost = Object.entries(this.params).map(([name, type]) => `${name}: ${type}`);
    if (inShader.join() !== inHost.join()) {
      throw new ShaderError(
        `shaders/${this.name}.wgsl: expected struct Params { ${inHost.join(', ')} }, got { ${inShader.join(', ')} }`,
      );
    }
    const most = UNIFORM_SLOT / 4;
    if (inHost.length > most) {
      throw new ShaderError(
        `shaders/${this.name}.wgsl: expected at most ${most} fields in struct Params, got ${inHost.length}`,
      );
    }
  }
}

function prelude(flags: Readonly<Record<string, boolean>>): string {
  const scalar = (['I32', 'U32', 'F16'] as const).find((name) => flags[name]);
  return [
    flags.F16 ? 'enable f16; ' : '',
    flags.SUBGROUPS ? 'enable subgroups; ' : '',
    flags.SUBGROUP_MATRICES ? 'enable subgroups, chromium_experimental_subgroup_matrix; ' : '',
    `alias scalar = ${scalar ? SCALARS[scalar] : 'f32'}; `,
  ].join('');
}

/** The value of a uniform, or what gives it: a function is asked again at each replay of a capture. */
export type Param = number | (() => number);

/** Field names of a shader's uniform struct with their values. */
export type ParamsOf<S> = S extends Shader<infer P> ? { [K in keyof P]: number } : never;

/** The same, where some may have a new value at each replay. */
export type LiveParamsOf<S> = S extends Shader<infer P> ? { [K in keyof P]: Param } : never;

export type FlagsOf<S> =
  S extends Shader<ParamTypes, infer F> ? Partial<Record<F, boolean>> : never;

/** Declares the host side of a .wgsl file. */
export function defineShader<const P extends ParamTypes, const F extends string = never>(
  options: ShaderOptions<P, F>,
): Shader<P, F> {
  return new Shader(options);
}
