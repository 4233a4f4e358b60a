import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { ShaderError } from '../errors.js';

const DIRECTIVE = /^\s*#(if|elif|else|endif)\b\s*(.*?)\s*$/;
/** Ends each line before preprocessing with its number; no WGSL source contains this character. */
const MARK = '\u0001';

/** Replaces comments by spaces: lines and columns stay true, and words that one parts stay apart. */
export function stripComments(source: string): string {
  let out = '';
  let depth = 0; // block comments nest in WGSL
  for (let i = 0; i < source.length; i++) {
    const two = source.slice(i, i + 2);
    if (depth === 0 && two === '//') {
      while (i + 1 < source.length && source[i + 1] !== '\n') i++;
    } else if (two === '/*') {
      depth++;
      i++;
      out += '  ';
    } else if (depth > 0 && two === '*/') {
      depth--;
      i++;
      out += '  ';
    } else {
      out += depth === 0 || source[i] === '\n' ? source[i] : ' ';
    }
  }
  return out;
}

/**
 * Resolves `#if NAME`, `#elif NAME`, `#else` and `#endif` in WGSL text, through wgsl-preprocessor.
 *
 * The library works on tagged templates, so the text is split at each condition into strings and
 * boolean values. Line numbers of the result are those of `source`.
 *
 * @param file   Named in errors.
 * @param flags  The value of every name that a condition may use.
 * @throws ShaderError for an unknown name or directive, or one that does not pair up.
 */
export function preprocess(
  source: string,
  flags: Readonly<Record<string, boolean>>,
  file: string,
): string {
  const strings = [''];
  const values: boolean[] = [];
  const lines = stripComments(source).split('\n');
  lines.forEach((line, index) => {
    const fail = (problem: string): never => {
      throw new ShaderError(`${file}:${index + 1}: ${problem}\n  ${line.trim()}`);
    };
    const directive = DIRECTIVE.exec(line);
    if (!directive) {
      if (line.includes('#')) fail('expected #if, #elif, #else or #endif alone on a line');
      strings[strings.length - 1] += `${line}${MARK}${index}\n`;
      return;
    }
    const [, keyword, name] = directive;
    if (keyword === 'if' || keyword === 'elif') {
      if (!Object.hasOwn(flags, name!)) {
        fail(
          `unknown name "${name}", expected one of ${Object.keys(flags).join(', ') || '(none)'}`,
        );
      }
      strings[strings.length - 1] += `#${keyword} `;
      values.push(flags[name!]!);
      strings.push('');
    } else {
      if (name) fail(`expected nothing after #${keyword}, got "${name}"`);
      strings[strings.length - 1] += `#${keyword}\n`;
    }
  });

  let resolved: string;
  try {
    resolved = wgsl(Object.assign(strings, { raw: strings }), ...values);
  } catch (error) {
    throw new ShaderError(`${file}: ${(error as Error).message}`, { cause: error });
  }
  const out = lines.map(() => '');
  for (const line of resolved.split('\n')) {
    const mark = line.lastIndexOf(MARK);
    if (mark >= 0) out[Number(line.slice(mark + 1))] = line.slice(0, mark);
  }
  return out.join('\n');
}
