import type { Reference } from '../support/checkOp.js';

/** x (..., in), weight (out, in), bias (out,): y = x weight^T + bias. */
export function linear(x: Reference, weight: Reference, bias?: Reference): Reference {
  const [outSize, inSize] = weight.shape as [number, number];
  const rows = x.data.length / inSize;
  const data = new Float64Array(rows * outSize);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outSize; o++) {
      let sum = bias ? bias.data[o]! : 0;
      for (let i = 0; i < inSize; i++) {
        sum += x.data[row * inSize + i]! * weight.data[o * inSize + i]!;
      }
      data[row * outSize + o] = sum;
    }
  }
  return { shape: [...x.shape.slice(0, -1), outSize], data };
}
