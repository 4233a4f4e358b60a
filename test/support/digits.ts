import digits from '../golden/digits.json';

/** A real batch: 16 MNIST images, (16, 1, 28, 28), from 0 to 1. */
export const pixels = Float32Array.from(
  atob(digits.imagesBase64),
  (byte) => byte.charCodeAt(0) / 255,
);

/** (16), the digits on them. */
export const labels = Int32Array.from(digits.labels);
