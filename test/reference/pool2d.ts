import type { Reference } from '../support/checkOp.js';

type Pair = number | readonly [number, number];

export interface Pool2dReferenceOptions {
  kernelSize: Pair;
  stride?: Pair;
  padding?: Pair | 'same';
  dilation?: Pair;
  ceilMode?: boolean;
  /** These two are of the mean. */
  countIncludePad?: boolean;
  divisorOverride?: number;
}

/** The elements of one window: those inside of x, where they are, and how many the padding adds. */
interface Window {
  values: number[];
  places: number[];
  padding: number;
}

/** Element `tap` of window `i` along one axis, null where it is outside even of the padding. */
interface Axis {
  windows: number;
  taps: (i: number) => ('padding' | number)[];
}

const both = (pair: Pair): readonly [number, number] =>
  typeof pair === 'number' ? [pair, pair] : pair;

function windowed(size: number, d: 0 | 1, options: Pool2dReferenceOptions): Axis {
  const kernel = both(options.kernelSize)[d];
  const stride = both(options.stride ?? options.kernelSize)[d];
  const dilation = both(options.dilation ?? 1)[d];
  const span = dilation * (kernel - 1) + 1;
  let [before, after] = [0, 0];
  let windows = 0;
  if (options.padding === 'same') {
    while (windows * stride < size) windows++;
    while ((windows - 1) * stride + span > before + size + after) {
      if (after > before) before++;
      else after++;
    }
  } else {
    before = after = both(options.padding ?? 0)[d];
    // Windows that end in the padding, and with ceilMode one that only begins before it.
    while (windows * stride + span <= size + 2 * before) windows++;
    const hangsOver = (windows - 1) * stride + span < size + 2 * before;
    if (options.ceilMode && hangsOver && windows * stride < before + size) windows++;
  }
  return {
    windows,
    taps: (i) => {
      const found: ('padding' | number)[] = [];
      for (let tap = 0; tap < kernel; tap++) {
        const at = i * stride + tap * dilation - before;
        if (at >= 0 && at < size) found.push(at);
        else if (at < size + after) found.push('padding');
      }
      return found;
    },
  };
}

/** PyTorch's windows of adaptive pools. */
function adapted(size: number, windows: number): Axis {
  return {
    windows,
    taps: (i) => {
      const first = Math.floor((i * size) / windows);
      const end = Math.ceil(((i + 1) * size) / windows);
      return Array.from({ length: end - first }, (_, tap) => first + tap);
    },
  };
}

function pool(x: Reference, h: Axis, w: Axis, value: (window: Window) => number): Reference {
  const [inH, inW] = x.shape.slice(-2) as [number, number];
  const leading = x.shape.slice(0, -2);
  const planes = leading.reduce((a, b) => a * b, 1);
  const data = new Float64Array(planes * h.windows * w.windows);
  let at = 0;
  for (let plane = 0; plane < planes; plane++) {
    for (let i = 0; i < h.windows; i++) {
      for (let j = 0; j < w.windows; j++) {
        const window: Window = { values: [], places: [], padding: 0 };
        for (const row of h.taps(i)) {
          for (const column of w.taps(j)) {
            if (row === 'padding' || column === 'padding') {
              window.padding++;
              continue;
            }
            window.places.push(row * inW + column);
            window.values.push(x.data[plane * inH * inW + row * inW + column]!);
          }
        }
        data[at++] = value(window);
      }
    }
  }
  return { shape: [...leading, h.windows, w.windows], data };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function windows(x: Reference, options: Pool2dReferenceOptions): [Axis, Axis] {
  const [inH, inW] = x.shape.slice(-2) as [number, number];
  return [windowed(inH, 0, options), windowed(inW, 1, options)];
}

function adaptedTo(x: Reference, size: readonly [number, number]): [Axis, Axis] {
  const [inH, inW] = x.shape.slice(-2) as [number, number];
  return [adapted(inH, size[0]), adapted(inW, size[1])];
}

const largest = ({ values }: Window): number => Math.max(...values);

/** Where the largest is, the first of equals; -1 if there is none. */
const place = ({ values, places }: Window): number =>
  values.length === 0 ? -1 : places[values.indexOf(Math.max(...values))]!;

const mean = ({ values }: Window): number => sum(values) / values.length;

/** The maximum over each window of x (..., H, W); -Inf where a window has no element. */
export function maxPool2d(x: Reference, options: Pool2dReferenceOptions): Reference {
  return pool(x, ...windows(x, options), largest);
}

/** Where in its plane each maximum is. */
export function maxPool2dIndices(x: Reference, options: Pool2dReferenceOptions): Reference {
  return pool(x, ...windows(x, options), place);
}

/** The mean over each window of x (..., H, W). */
export function avgPool2d(x: Reference, options: Pool2dReferenceOptions): Reference {
  const { divisorOverride, countIncludePad = options.padding !== 'same' } = options;
  return pool(
    x,
    ...windows(x, options),
    ({ values, padding }) =>
      sum(values) / (divisorOverride ?? values.length + (countIncludePad ? padding : 0)),
  );
}

export function adaptiveMaxPool2d(x: Reference, size: readonly [number, number]): Reference {
  return pool(x, ...adaptedTo(x, size), largest);
}

export function adaptiveMaxPool2dIndices(x: Reference, size: readonly [number, number]): Reference {
  return pool(x, ...adaptedTo(x, size), place);
}

export function adaptiveAvgPool2d(x: Reference, size: readonly [number, number]): Reference {
  return pool(x, ...adaptedTo(x, size), mean);
}
