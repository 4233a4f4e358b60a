/** Activation functions of one number, in float64. */

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** The normal distribution's probability of less than x. */
export function normalCdf(x: number): number {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) > 6) {
    // Laplace's continued fraction of the tail
    let fraction = Math.abs(x);
    for (let k = 60; k > 0; k--) fraction = Math.abs(x) + k / fraction;
    return x < 0 ? density / fraction : 1 - density / fraction;
  }
  // 1/2 + density (x + x^3 / 3 + x^5 / (3 5) + ...)
  let term = x;
  let sum = x;
  for (let n = 3; n < 200; n += 2) {
    term *= (x * x) / n;
    sum += term;
  }
  return 0.5 + density * sum;
}

export const gelu = (x: number): number => x * normalCdf(x);

export const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
