/** Softmax regression, y = softmax(W x + b), trained by gradient descent in float64. */

export interface RegressionOptions {
  lr: number;
  batchSize: number;
  epochs: number;
  accumulate?: number;
  clipGradNorm?: number;
  clipGradValue?: number;
  /** On W. */
  l1?: number;
  l2?: number;
}

export interface Regression {
  /** C x D. */
  weight: number[][];
  bias: number[];
  /** Of each epoch: mean over the examples, as the weights changed, with penalties. */
  losses: number[];
}

/** @param inputs  In the order in which they are taken. */
export function softmaxRegression(
  start: Pick<Regression, 'weight' | 'bias'>,
  inputs: readonly (readonly number[])[],
  labels: readonly number[],
  options: RegressionOptions,
): Regression {
  const { lr, batchSize, epochs, accumulate = 1, l1 = 0, l2 = 0 } = options;
  const weight = start.weight.map((row) => [...row]);
  const bias = [...start.bias];
  const penalty = (): number =>
    weight.flat().reduce((sum, w) => sum + l2 * w * w + l1 * Math.abs(w), 0);
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    let total = 0;
    // An update is that of one large batch.
    for (let first = 0; first < inputs.length; first += batchSize * accumulate) {
      const xs = inputs.slice(first, first + batchSize * accumulate);
      const ys = labels.slice(first, first + batchSize * accumulate);
      const dWeight = weight.map((row) => row.map((w) => 2 * l2 * w + l1 * Math.sign(w)));
      const dBias = bias.map(() => 0);
      xs.forEach((x, i) => {
        const logits = weight.map((row, c) => row.reduce((sum, w, d) => sum + w * x[d]!, bias[c]!));
        const powers = logits.map((z) => Math.exp(z - Math.max(...logits)));
        const sum = powers.reduce((a, b) => a + b);
        powers.forEach((power, c) => {
          const slope = (power / sum - Number(c === ys[i])) / xs.length;
          dBias[c]! += slope;
          x.forEach((value, d) => (dWeight[c]![d]! += slope * value));
        });
        total -= Math.log(powers[ys[i]!]! / sum);
      });
      total += penalty() * xs.length;
      const gradients = limited([...dWeight.flat(), ...dBias], options);
      const width = weight[0]!.length;
      weight.forEach((row, c) =>
        row.forEach((_, d) => (row[d]! -= lr * gradients[c * width + d]!)),
      );
      bias.forEach((_, c) => (bias[c]! -= lr * gradients[weight.length * width + c]!));
    }
    losses.push(total / inputs.length);
  }
  return { weight, bias, losses };
}

function limited(
  gradients: number[],
  { clipGradNorm = Infinity, clipGradValue = Infinity }: RegressionOptions,
): number[] {
  const cut = gradients.map((g) => Math.min(Math.max(g, -clipGradValue), clipGradValue));
  const norm = Math.hypot(...cut);
  const factor = Math.min(1, clipGradNorm / (norm + 1e-6));
  return cut.map((g) => g * factor);
}
