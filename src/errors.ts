/**
 * The errors that shadegrad throws, all of them a `ShadegradError`, so that a caller can tell
 * them from its own. Messages read `op: expected X, got Y`, name the tensor and end in the fix.
 */

/** The base of every error thrown on purpose. */
export class ShadegradError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A shape as `(2, 3, 4)`; a scalar is `()` and a vector `(5,)`, as PyTorch and NumPy print them. */
export function formatShape(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
}

/** A tensor has the wrong rank or size: `conv2d: expected input (N, C, H, W), got (3, 32, 32)`. */
export class ShapeError extends ShadegradError {
  /**
   * @param op        Name of the op or function that refuses.
   * @param expected  What it takes, naming the tensor: `input (N, C, H, W)`.
   * @param got       The shape that came, or words for it.
   * @param fix       What the caller can do, as a sentence.
   */
  constructor(op: string, expected: string, got: readonly number[] | string, fix?: string) {
    const came = typeof got === 'string' ? got : formatShape(got);
    super(`${op}: expected ${expected}, got ${came}${fix ? `. ${fix}` : ''}`);
  }
}

/** A tensor has the wrong element type. Arguments as for {@link ShapeError}. */
export class DTypeError extends ShadegradError {
  constructor(op: string, expected: string, got: string, fix?: string) {
    super(`${op}: expected ${expected}, got ${got}${fix ? `. ${fix}` : ''}`);
  }
}

/** An argument is outside its range or contradicts another one. */
export class ArgumentError extends ShadegradError {
  constructor(op: string, expected: string, got: unknown, fix?: string) {
    super(`${op}: expected ${expected}, got ${String(got)}${fix ? `. ${fix}` : ''}`);
  }
}

/** No adapter, a lost or closed device, a failed dispatch, or tensors of two devices in one op. */
export class DeviceError extends ShadegradError {}

/** A WGSL module failed to compile: the message has file, line, column and the source line. */
export class ShaderError extends DeviceError {}

/** More memory asked for than the adapter has, or than one buffer or binding may hold. */
export class OutOfMemoryError extends ShadegradError {}

/** A tensor was used after it was freed; the message says what freed it and how to keep it. */
export class DisposedError extends ShadegradError {}

/** The tape cannot do what was asked: backward twice, from a non-scalar, or without a graph. */
export class AutogradError extends ShadegradError {}

/** `gradcheck` found a gradient that central differences contradict. */
export class GradientError extends AutogradError {
  /**
   * @param input     The place of the tensor among the inputs.
   * @param index     The place of the element in it.
   * @param analytic  What backward gave.
   * @param numeric   What central differences gave.
   */
  constructor(
    readonly input: number,
    readonly index: readonly number[],
    readonly analytic: number,
    readonly numeric: number,
  ) {
    super(
      `gradcheck: expected backward and differences to agree, got ${analytic} (analytic) and ` +
        `${numeric} (numeric) for element [${index.join(', ')}] of input ${input}. ` +
        'Look at backward() of the op, or for a corner of the function within eps.',
    );
  }
}

/** A file is damaged or is not what its name says: the message has file, byte offset and value. */
export class DataFormatError extends ShadegradError {
  /**
   * @param file      Path or URL of the file.
   * @param problem   What is wrong: `expected magic number 2051, got 2049`.
   * @param offset    Byte offset where it was seen, if there is one place.
   * @param fix       What the caller can do.
   */
  constructor(
    readonly file: string,
    problem: string,
    readonly offset?: number,
    fix?: string,
  ) {
    const at = offset === undefined ? '' : ` at byte ${offset}`;
    super(`${file}${at}: ${problem}${fix ? `. ${fix}` : ''}`);
  }
}

/** A file, package or URL that was asked for is not there or cannot be read or written. */
export class ResourceError extends ShadegradError {}
