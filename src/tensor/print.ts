import type { Variable } from '../autograd/variable.js';
import { formatShape } from '../errors.js';
import { isFloat, numelOf, type Shape } from '../gpu/dtype.js';

export interface PrintOptions {
  /** Digits after the point. Default 4. */
  precision?: number;
  /** A tensor of more elements than this is summarised. Default 1000. */
  threshold?: number;
  /** Elements shown at each end of a summarised dimension. Default 3. */
  edgeItems?: number;
  /** Characters of a line. Default 80. */
  lineWidth?: number;
  /** Whether to write 1.0000e+05. Default: where one width does not suit all elements. */
  sciMode?: boolean;
}

/** What printing needs of a tensor. */
type Printable = Pick<Variable, 'shape' | 'dtype' | 'op' | 'requiresGrad' | 'isFreed'> & {
  data(): Promise<ArrayLike<number>>;
};

const PREFIX = 'tensor(';

/** Writes a tensor to the console as PyTorch's `print` does, once its elements are there. */
export async function print(tensor: Printable, options?: PrintOptions): Promise<void> {
  console.log(await formatTensor(tensor, options));
}

/** `Tensor(shape=(2, 3), dtype=f32)`, without reading elements. */
export function describeTensor(tensor: Printable): string {
  const parts = [`shape=${formatShape(tensor.shape)}`, `dtype=${tensor.dtype}`];
  const grad = gradSuffix(tensor);
  if (grad) parts.push(grad);
  if (tensor.isFreed) parts.push('freed');
  return `Tensor(${parts.join(', ')})`;
}

/**
 * The elements in the layout of PyTorch's `print(tensor)` (torch/_tensor_str.py), with
 * `dtype=f16`, `shape=(0, 3)`, `requiresGrad=true` and `gradFn=<Relu>` for what it adds.
 */
export async function formatTensor(tensor: Printable, options: PrintOptions = {}): Promise<string> {
  const { shape, dtype } = tensor;
  const numel = numelOf(shape);
  const suffixes = [];
  if (numel === 0 && shape.length !== 1) suffixes.push(`shape=${formatShape(shape)}`);
  if (dtype !== 'f32') suffixes.push(`dtype=${dtype}`);
  const grad = gradSuffix(tensor);
  if (grad) suffixes.push(grad);

  const settings = { precision: 4, threshold: 1000, edgeItems: 3, lineWidth: 80, ...options };
  const body =
    numel === 0 ? '[]' : formatElements(await tensor.data(), shape, isFloat(dtype), settings);
  return addSuffixes(PREFIX + body, suffixes, settings.lineWidth);
}

type Settings = Required<Omit<PrintOptions, 'sciMode'>> & Pick<PrintOptions, 'sciMode'>;

function gradSuffix({ op, requiresGrad }: Printable): string | null {
  if (op) return `gradFn=<${op.name[0]!.toUpperCase()}${op.name.slice(1)}>`;
  return requiresGrad ? 'requiresGrad=true' : null;
}

function formatElements(
  data: ArrayLike<number>,
  shape: Shape,
  isFloat: boolean,
  settings: Settings,
): string {
  const summarize = data.length > settings.threshold;
  const shown = (size: number): number[] => {
    const all = Array.from({ length: size }, (_, i) => i);
    const { edgeItems } = settings;
    return summarize && size > 2 * edgeItems
      ? [...all.slice(0, edgeItems), -1, ...all.slice(size - edgeItems)]
      : all;
  };
  const values: number[] = [];
  const visit = (dim: number, offset: number, stride: number): void => {
    if (dim === shape.length) values.push(data[offset]!);
    else {
      const step = stride / shape[dim]!;
      for (const i of shown(shape[dim]!)) if (i >= 0) visit(dim + 1, offset + i * step, step);
    }
  };
  visit(0, 0, data.length);
  const format = elementFormat(values, isFloat, settings);

  const write = (dim: number, offset: number, indent: number): string => {
    if (dim === shape.length) return format.write(data[offset]!);
    const step = numelOf(shape.slice(dim + 1));
    const indices = shown(shape[dim]!);
    if (dim === shape.length - 1) {
      const items = indices.map((i) => (i < 0 ? ' ...' : format.write(data[offset + i]!)));
      const room = Math.floor((settings.lineWidth - indent) / (format.width + 2));
      return `[${inLines(items, Math.max(1, room)).join(`,\n${' '.repeat(indent + 1)}`)}]`;
    }
    const items = indices.map((i) =>
      i < 0 ? '...' : write(dim + 1, offset + i * step, indent + 1),
    );
    const newlines = '\n'.repeat(shape.length - dim - 1);
    return `[${items.join(`,${newlines}${' '.repeat(indent + 1)}`)}]`;
  };
  return write(0, 0, PREFIX.length);
}

function inLines(items: readonly string[], perLine: number): string[] {
  const lines: string[] = [];
  for (let i = 0; i < items.length; i += perLine) {
    lines.push(items.slice(i, i + perLine).join(', '));
  }
  return lines;
}

interface ElementFormat {
  width: number;
  write(value: number): string;
}

/** One width and notation for all elements, by those that are shown. */
function elementFormat(
  values: readonly number[],
  isFloat: boolean,
  { precision, sciMode }: Settings,
): ElementFormat {
  const padded = (width: number, text: (value: number) => string): ElementFormat => ({
    width,
    write: (value) => text(value).padStart(width),
  });
  const widest = (numbers: readonly number[], text: (value: number) => string): number =>
    numbers.reduce((width, value) => Math.max(width, text(value).length), 1);
  if (!isFloat) return padded(widest(values, String), String);

  const counted = values.filter((value) => Number.isFinite(value) && value !== 0);
  const sizes = counted.map(Math.abs);
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
  const smallest = sizes.reduce((a, b) => Math.min(a, b), Infinity);
  const whole = counted.every(Number.isInteger);
  const scientific =
    sciMode ??
    (counted.length > 0 &&
      (largest / smallest > 1000 || largest > 1e8 || (!whole && smallest < 1e-4)));

  const finite = (text: (value: number) => string) => (value: number) =>
    Number.isFinite(value) ? text(value) : nonFinite(value);
  const text = finite((value) => {
    if (scientific) return exponential(value, precision);
    return whole ? `${fixed(value, 0)}.` : fixed(value, precision);
  });
  return padded(widest(counted, text), text);
}

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}

/** Python's `f'{value:.4f}'`, which rounds ties to even; toFixed rounds them up. */
function fixed(value: number, digits: number): string {
  return (
    (Object.is(value, -0) || value < 0 ? '-' : '') + toEven(Math.abs(value), 'toFixed', digits)
  );
}

/** Python's `f'{value:.4e}'`, with two digits of exponent at least. */
function exponential(value: number, digits: number): string {
  const [mantissa, exponent] = toEven(Math.abs(value), 'toExponential', digits).split('e');
  const sign = Object.is(value, -0) || value < 0 ? '-' : '';
  const power = Number(exponent);
  return `${sign}${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const EXACT = 60; // digits that show whether what is cut off is exactly one half, for any f32

function toEven(size: number, method: 'toFixed' | 'toExponential', digits: number): string {
  const rounded = size[method](digits);
  const [exact, exponent] = size[method](EXACT).split('e') as [string, string?];
  const cut = exact.length - EXACT + digits;
  const isTie = /^50*$/.test(exact.slice(cut));
  const lastKept = exact.slice(0, cut).replace('.', '').at(-1)!;
  if (!isTie || Number(lastKept) % 2 === 1) return rounded;
  const down = exact.slice(0, cut).replace(/\.$/, '');
  return exponent === undefined ? down : `${down}e${exponent}`;
}

function addSuffixes(text: string, suffixes: readonly string[], lineWidth: number): string {
  let out = text;
  let column = text.length - text.lastIndexOf('\n') + 1;
  for (const suffix of suffixes) {
    if (column + suffix.length + 2 > lineWidth) {
      out += `,\n${' '.repeat(PREFIX.length)}${suffix}`;
      column = PREFIX.length + suffix.length;
    } else {
      out += `, ${suffix}`;
      column += suffix.length + 2;
    }
  }
  return `${out})`;
}
