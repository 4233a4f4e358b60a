/**
 * LeNet-5 forward and backward in plain float64 loops: the loss of a batch and its gradient with
 * respect to every parameter, by the chain rule written out layer by layer.
 */

export interface LeNet5Reference {
  activation: 'sigmoid' | 'tanh' | 'relu';
  pool: 'avg' | 'max';
  /** By key of the state dict. */
  weights: Record<string, ArrayLike<number>>;
  /** (N, 1, 28, 28) */
  images: ArrayLike<number>;
  /** (N) */
  labels: ArrayLike<number>;
}

/** Planes of one image: (channels, size, size). */
type Planes = Float64Array;

const FUNCTIONS = {
  sigmoid: { f: (x: number) => 1 / (1 + Math.exp(-x)), slope: (y: number) => y * (1 - y) },
  tanh: { f: Math.tanh, slope: (y: number) => 1 - y * y },
  relu: { f: (x: number) => Math.max(x, 0), slope: (y: number) => (y > 0 ? 1 : 0) },
} as const;

/** Mean loss over the batch, and the gradient of every parameter by its key. */
export function lenet5(run: LeNet5Reference): {
  loss: number;
  gradients: Record<string, Float64Array>;
} {
  const { weights, images, labels } = run;
  const { f, slope } = FUNCTIONS[run.activation];
  const gradients = Object.fromEntries(
    Object.entries(weights).map(([key, { length }]) => [key, new Float64Array(length)]),
  );
  const n = labels.length;
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const x = Float64Array.from({ length: 784 }, (_, j) => images[i * 784 + j]!);
    // forward
    const conv1 = { ...layer('features.0'), inC: 1, outC: 6, inSize: 28, padding: 2 };
    const a1 = convolution(x, conv1).map(f); // (6, 28, 28)
    const p1 = pooling(a1, 6, 28); // (6, 14, 14)
    const conv2 = { ...layer('features.3'), inC: 6, outC: 16, inSize: 14, padding: 0 };
    const a2 = convolution(p1.y, conv2).map(f); // (16, 10, 10)
    const p2 = pooling(a2, 16, 10); // (400)
    const h1 = dense(p2.y, layer('classifier.1')).map(f);
    const h2 = dense(h1, layer('classifier.3')).map(f);
    const logits = dense(h2, layer('classifier.5'));
    const highest = Math.max(...logits);
    const sum = logits.reduce((total, z) => total + Math.exp(z - highest), 0);
    const label = labels[i]!;
    loss += (Math.log(sum) + highest - logits[label]!) / n;
    // backward
    const dLogits = logits.map((z, k) => (Math.exp(z - highest) / sum - Number(k === label)) / n);
    const dH2 = denseBackward(dLogits, h2, 'classifier.5').map((d, k) => d * slope(h2[k]!));
    const dH1 = denseBackward(dH2, h1, 'classifier.3').map((d, k) => d * slope(h1[k]!));
    const dP2 = denseBackward(dH1, p2.y, 'classifier.1');
    const dA2 = p2.backward(dP2).map((d, k) => d * slope(a2[k]!));
    const dP1 = convolutionBackward(dA2, p1.y, conv2, 'features.3');
    const dA1 = p1.backward(dP1).map((d, k) => d * slope(a1[k]!));
    convolutionBackward(dA1, x, conv1, 'features.0');
  }
  return { loss, gradients };

  function layer(name: string): { weight: ArrayLike<number>; bias: ArrayLike<number> } {
    return { weight: weights[`${name}.weight`]!, bias: weights[`${name}.bias`]! };
  }

  function denseBackward(dy: Float64Array, x: Float64Array, name: string): Float64Array {
    const { weight } = layer(name);
    const dx = new Float64Array(x.length);
    dy.forEach((d, k) => {
      gradients[`${name}.bias`]![k]! += d;
      for (let j = 0; j < x.length; j++) {
        gradients[`${name}.weight`]![k * x.length + j]! += d * x[j]!;
        dx[j]! += d * weight[k * x.length + j]!;
      }
    });
    return dx;
  }

  function convolutionBackward(dy: Planes, x: Planes, conv: Convolution, name: string): Planes {
    const dx = new Float64Array(x.length);
    taps(conv, (out, within, weightAt, k) => {
      const d = dy[out]!;
      if (within === null) {
        gradients[`${name}.bias`]![k]! += d;
        return;
      }
      gradients[`${name}.weight`]![weightAt]! += d * x[within]!;
      dx[within]! += d * conv.weight[weightAt]!;
    });
    return dx;
  }

  function pooling(
    x: Planes,
    channels: number,
    size: number,
  ): { y: Planes; backward: (dy: Planes) => Planes } {
    const half = size / 2;
    const y = new Float64Array(channels * half * half);
    const shares = new Float64Array(x.length); // dy / dx of the one window that has each element
    const windowOf = (c: number, h: number, w: number): number =>
      (c * half + Math.floor(h / 2)) * half + Math.floor(w / 2);
    for (let window = 0; window < y.length; window++) {
      const c = Math.floor(window / half / half);
      const h = 2 * (Math.floor(window / half) % half);
      const w = 2 * (window % half);
      const at = [0, 1, size, size + 1].map((offset) => (c * size + h) * size + w + offset);
      if (run.pool === 'avg') {
        y[window] = at.reduce((total, index) => total + x[index]!, 0) / 4;
        for (const index of at) shares[index] = 1 / 4;
      } else {
        const best = at.reduce((a, b) => (x[b]! > x[a]! ? b : a));
        y[window] = x[best]!;
        shares[best] = 1;
      }
    }
    const backward = (dy: Planes): Planes =>
      shares.map((share, index) => {
        const w = index % size;
        const h = Math.floor(index / size) % size;
        return share * dy[windowOf(Math.floor(index / size / size), h, w)]!;
      });
    return { y, backward };
  }
}

interface Convolution {
  weight: ArrayLike<number>; // (outC, inC, 5, 5)
  bias: ArrayLike<number>;
  inC: number;
  outC: number;
  inSize: number;
  padding: number;
}

/** Calls `visit` for each output and each of its taps inside the image, and once with null for its bias. */
function taps(
  { inC, outC, inSize, padding }: Convolution,
  visit: (out: number, within: number | null, weightAt: number, k: number) => void,
): void {
  const outSize = inSize + 2 * padding - 4;
  for (let k = 0; k < outC; k++) {
    for (let i = 0; i < outSize; i++) {
      for (let j = 0; j < outSize; j++) {
        const out = (k * outSize + i) * outSize + j;
        visit(out, null, 0, k);
        for (let c = 0; c < inC; c++) {
          for (let u = 0; u < 5; u++) {
            for (let v = 0; v < 5; v++) {
              const h = i + u - padding;
              const w = j + v - padding;
              if (h < 0 || w < 0 || h >= inSize || w >= inSize) continue;
              visit(out, (c * inSize + h) * inSize + w, ((k * inC + c) * 5 + u) * 5 + v, k);
            }
          }
        }
      }
    }
  }
}

function convolution(x: Planes, conv: Convolution): Planes {
  const outSize = conv.inSize + 2 * conv.padding - 4;
  const y = new Float64Array(conv.outC * outSize * outSize);
  taps(conv, (out, within, weightAt, k) => {
    y[out]! += within === null ? conv.bias[k]! : conv.weight[weightAt]! * x[within]!;
  });
  return y;
}

function dense(
  x: Float64Array,
  { weight, bias }: { weight: ArrayLike<number>; bias: ArrayLike<number> },
): Float64Array {
  return Float64Array.from({ length: bias.length }, (_, k) => {
    let sum = bias[k]!;
    for (let j = 0; j < x.length; j++) sum += weight[k * x.length + j]! * x[j]!;
    return sum;
  });
}
