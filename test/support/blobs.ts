import * as sg from 'shadegrad';
import { uniform } from './random.js';

/** Points around three centres, a class each: easy to tell apart. */
export function blobs(count: number, seed = 1): sg.data.TensorDataset {
  const noise = uniform(2 * count, seed, -0.6, 0.6);
  const classes = Int32Array.from({ length: count }, (_, i) => i % 3);
  const centres = [
    [-1, -1],
    [1, -1],
    [0, 1],
  ] as const;
  const points = noise.map((value, i) => value + centres[classes[i >> 1]!]![i % 2]!);
  return new sg.data.TensorDataset(sg.tensor(points, { shape: [count, 2] }), sg.tensor(classes));
}

/** A network for them, the same each time. */
export function blobModel(): sg.nn.Sequential {
  sg.manualSeed(4);
  return new sg.nn.Sequential(new sg.nn.Linear(2, 8), new sg.nn.Tanh(), new sg.nn.Linear(8, 3));
}
