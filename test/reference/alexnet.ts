/**
 * AlexNet for one image in plain loops, with sums in float64: the loss, the logits, and the gradient of
 * chosen entries of every parameter. A layer is data; weights stay where they are, since there are
 * sixty million of them.
 */

/** A parameter and the entries of it whose gradient is wanted. */
export interface Weights {
  values: ArrayLike<number>;
  entries: readonly number[];
}

export type Layer =
  | {
      kind: 'conv';
      /** (outC, inC / groups, size, size) and (outC) */
      weight: Weights;
      bias: Weights;
      outC: number;
      size: number;
      stride: number;
      padding: number;
      groups: number;
    }
  /** `seen`: its output on the GPU, which decides where x is 0 but for rounding. */
  | { kind: 'relu'; seen?: ArrayLike<number> }
  /** `seen`: its input on the GPU, which decides where two elements are the same but for rounding. */
  | { kind: 'maxPool'; size: number; stride: number; seen?: ArrayLike<number> }
  /** Divides by (k + alpha * the sum of squares over `size` channels) ^ beta. */
  | { kind: 'lrn'; size: number; alpha: number; beta: number; k: number }
  /** Multiplies element by element: dropout with its mask, divided by the share that is kept. */
  | { kind: 'mask'; factors: ArrayLike<number> }
  /** weight (outSize, inSize) and bias (outSize) */
  | { kind: 'linear'; weight: Weights; bias: Weights };

/** Planes of one image. */
interface Planes {
  c: number;
  size: number; // height and width
  data: Float64Array;
}

/** What a layer made, and what takes its gradient back to its input. */
interface Step {
  y: Planes;
  backward(dy: Float64Array): Float64Array;
}

export interface NetworkReference {
  loss: number;
  logits: Float64Array;
  /** Of each layer with parameters, in order: the gradients of the entries that were asked for. */
  gradients: { weight: number[]; bias: number[] }[];
}

/** Cross-entropy of the last layer's logits with `label`. @param image  (c, size, size) */
export function alexnet(
  layers: readonly Layer[],
  image: { c: number; size: number; data: ArrayLike<number> },
  label: number,
): NetworkReference {
  const gradients: { weight: number[]; bias: number[] }[] = [];
  const steps: Step[] = [];
  let x: Planes = { ...image, data: Float64Array.from(image.data) };
  for (const layer of layers) {
    steps.push(run(layer, x, gradients));
    x = steps.at(-1)!.y;
  }
  const logits = x.data;
  const highest = logits.reduce((a, b) => Math.max(a, b));
  const sum = logits.reduce((total, z) => total + Math.exp(z - highest), 0);
  let dy: Float64Array = logits.map((z, i) => Math.exp(z - highest) / sum - Number(i === label));
  for (const step of steps.reverse()) dy = step.backward(dy);
  return {
    loss: Math.log(sum) + highest - logits[label]!,
    logits,
    gradients: gradients.reverse(),
  };
}

function run(layer: Layer, x: Planes, gradients: { weight: number[]; bias: number[] }[]): Step {
  switch (layer.kind) {
    case 'conv': {
      const y = convolution(layer, x);
      return {
        y,
        backward: (dy) => {
          gradients.push({
            weight: layer.weight.entries.map((at) => tapGradient(layer, x, y, dy, at)),
            bias: layer.bias.entries.map((k) =>
              dy.subarray(k * y.size ** 2, (k + 1) * y.size ** 2).reduce((a, b) => a + b, 0),
            ),
          });
          return convolutionBackward(layer, x, y, dy);
        },
      };
    }
    case 'relu': {
      const near = NEAR * rootMeanSquare(x.data);
      const { seen } = layer;
      const isPositive = (value: number, i: number): boolean =>
        seen && Math.abs(value) < near ? seen[i]! > 0 : value > 0;
      const y = { ...x, data: x.data.map((value, i) => (isPositive(value, i) ? value : 0)) };
      return { y, backward: (dy) => dy.map((d, i) => (isPositive(x.data[i]!, i) ? d : 0)) };
    }
    case 'maxPool':
      return maxPool(layer, x);
    case 'lrn':
      return lrn(layer, x);
    case 'mask': {
      const { factors } = layer;
      const y = { ...x, data: x.data.map((value, i) => value * factors[i]!) };
      return { y, backward: (dy) => dy.map((d, i) => d * factors[i]!) };
    }
    case 'linear': {
      const weight = layer.weight.values;
      const inSize = x.data.length;
      const data = Float64Array.from(layer.bias.values);
      for (let k = 0; k < data.length; k++) {
        let sum = 0;
        for (let j = 0; j < inSize; j++) sum += weight[k * inSize + j]! * x.data[j]!;
        data[k]! += sum;
      }
      const backward = (dy: Float64Array): Float64Array => {
        gradients.push({
          weight: layer.weight.entries.map(
            (at) => dy[Math.floor(at / inSize)]! * x.data[at % inSize]!,
          ),
          bias: layer.bias.entries.map((k) => dy[k]!),
        });
        const dx = new Float64Array(inSize);
        for (let k = 0; k < dy.length; k++) {
          const d = dy[k]!;
          if (d === 0) continue;
          for (let j = 0; j < inSize; j++) dx[j]! += d * weight[k * inSize + j]!;
        }
        return dx;
      };
      return { y: { c: data.length, size: 1, data }, backward };
    }
  }
}

/** Share of a layer's root mean square within which f32 may decide otherwise than float64. */
const NEAR = 1e-4;

function rootMeanSquare(data: Float64Array): number {
  return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
}

type Convolution = Extract<Layer, { kind: 'conv' }>;

/** Output rows or columns [from, to) whose tap `t` lies inside an axis of `inSize`. */
function inside(
  { stride, padding }: Convolution,
  t: number,
  inSize: number,
  outSize: number,
): [number, number] {
  const from = Math.max(0, Math.ceil((padding - t) / stride));
  const to = Math.min(outSize, Math.floor((inSize - 1 + padding - t) / stride) + 1);
  return [from, to];
}

/** Calls `visit` for each tap of each filter: its place in the weight, the planes, and its offset. */
function forTaps(
  layer: Convolution,
  inC: number,
  visit: (at: number, k: number, c: number, i: number, j: number) => void,
): void {
  const { outC, groups, size } = layer;
  const groupC = inC / groups;
  let at = 0;
  for (let k = 0; k < outC; k++) {
    const first = Math.floor(k / (outC / groups)) * groupC;
    for (let c = 0; c < groupC; c++) {
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) visit(at++, k, first + c, i, j);
      }
    }
  }
}

function convolution(layer: Convolution, x: Planes): Planes {
  const { outC, size, stride, padding, weight, bias } = layer;
  const outSize = Math.floor((x.size + 2 * padding - size) / stride) + 1;
  const data = new Float64Array(outC * outSize ** 2);
  for (let k = 0; k < outC; k++) {
    data.fill(bias.values[k]!, k * outSize ** 2, (k + 1) * outSize ** 2);
  }
  forTaps(layer, x.c, (at, k, c, i, j) => {
    const w = weight.values[at]!;
    const [top, bottom] = inside(layer, i, x.size, outSize);
    const [left, right] = inside(layer, j, x.size, outSize);
    for (let h = top; h < bottom; h++) {
      const from = (c * x.size + h * stride + i - padding) * x.size + j - padding;
      const to = (k * outSize + h) * outSize;
      for (let v = left; v < right; v++) data[to + v]! += w * x.data[from + v * stride]!;
    }
  });
  return { c: outC, size: outSize, data };
}

function convolutionBackward(
  layer: Convolution,
  x: Planes,
  y: Planes,
  dy: Float64Array,
): Float64Array {
  const { stride, padding, weight } = layer;
  const dx = new Float64Array(x.data.length);
  forTaps(layer, x.c, (at, k, c, i, j) => {
    const w = weight.values[at]!;
    const [top, bottom] = inside(layer, i, x.size, y.size);
    const [left, right] = inside(layer, j, x.size, y.size);
    for (let h = top; h < bottom; h++) {
      const to = (c * x.size + h * stride + i - padding) * x.size + j - padding;
      const from = (k * y.size + h) * y.size;
      for (let v = left; v < right; v++) dx[to + v * stride]! += w * dy[from + v]!;
    }
  });
  return dx;
}

/** The gradient of the weight at `at`. */
function tapGradient(
  layer: Convolution,
  x: Planes,
  y: Planes,
  dy: Float64Array,
  at: number,
): number {
  const { outC, groups, size, stride, padding } = layer;
  const groupC = x.c / groups;
  const j = at % size;
  const i = Math.floor(at / size) % size;
  const k = Math.floor(at / (size * size * groupC));
  const c = (Math.floor(at / (size * size)) % groupC) + Math.floor(k / (outC / groups)) * groupC;
  const [top, bottom] = inside(layer, i, x.size, y.size);
  const [left, right] = inside(layer, j, x.size, y.size);
  let sum = 0;
  for (let h = top; h < bottom; h++) {
    for (let v = left; v < right; v++) {
      const from = (c * x.size + h * stride + i - padding) * x.size + v * stride + j - padding;
      sum += dy[(k * y.size + h) * y.size + v]! * x.data[from]!;
    }
  }
  return sum;
}

function maxPool({ size, stride, seen }: Extract<Layer, { kind: 'maxPool' }>, x: Planes): Step {
  const near = NEAR * rootMeanSquare(x.data);
  const beats = (a: number, b: number): boolean => {
    const lead = x.data[a]! - x.data[b]!;
    return seen && Math.abs(lead) < near ? seen[a]! > seen[b]! : lead > 0;
  };
  const outSize = Math.floor((x.size - size) / stride) + 1;
  const data = new Float64Array(x.c * outSize ** 2);
  const winners = new Int32Array(data.length);
  for (let out = 0; out < data.length; out++) {
    const c = Math.floor(out / outSize ** 2);
    const top = (Math.floor(out / outSize) % outSize) * stride;
    const left = (out % outSize) * stride;
    let best = -1;
    for (let h = top; h < top + size; h++) {
      for (let w = left; w < left + size; w++) {
        const at = (c * x.size + h) * x.size + w;
        if (best < 0 || beats(at, best)) best = at;
      }
    }
    winners[out] = best;
    data[out] = x.data[best]!;
  }
  const backward = (dy: Float64Array): Float64Array => {
    const dx = new Float64Array(x.data.length);
    dy.forEach((d, out) => (dx[winners[out]!]! += d));
    return dx;
  };
  return { y: { c: x.c, size: outSize, data }, backward };
}

function lrn({ size, alpha, beta, k }: Extract<Layer, { kind: 'lrn' }>, x: Planes): Step {
  const plane = x.size ** 2;
  const before = Math.floor(size / 2);
  const at = (c: number, p: number): number => c * plane + p;
  const window = (c: number): [number, number] => [
    Math.max(0, c - before),
    Math.min(x.c, c - before + size),
  ];
  const scale = new Float64Array(x.data.length);
  for (let p = 0; p < plane; p++) {
    for (let c = 0; c < x.c; c++) {
      const [from, to] = window(c);
      let sum = 0;
      for (let other = from; other < to; other++) sum += x.data[at(other, p)]! ** 2;
      scale[at(c, p)] = k + alpha * sum;
    }
  }
  const data = x.data.map((value, i) => value * scale[i]! ** -beta);
  const backward = (dy: Float64Array): Float64Array => {
    const dx = dy.map((d, i) => d * scale[i]! ** -beta);
    for (let p = 0; p < plane; p++) {
      for (let c = 0; c < x.c; c++) {
        const i = at(c, p);
        const shared = dy[i]! * data[i]! * (1 / scale[i]!) * 2 * alpha * beta;
        const [from, to] = window(c);
        for (let other = from; other < to; other++)
          dx[at(other, p)]! -= shared * x.data[at(other, p)]!;
      }
    }
    return dx;
  };
  return { y: { ...x, data }, backward };
}
