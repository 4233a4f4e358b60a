/** A data set in the form of MNIST that a network learns in seconds. */
import fs from 'node:fs';
import path from 'node:path';
import { encodeIdx } from '../../src/data/idx.js';

const SIDE = 28;

/** (28, 28): the "digit" of a class is a block, at one of 4 x 3 places. */
export function tinyDigit(label: number, brightness = 255): Uint8Array {
  const pixels = new Uint8Array(SIDE * SIDE);
  const [top, left] = [2 + 9 * Math.floor(label / 4), 2 + 6 * (label % 4)];
  for (let row = top; row < top + 6; row++) {
    pixels.fill(brightness, row * SIDE + left, row * SIDE + left + 6);
  }
  return pixels;
}

/** Writes the four IDX files to a folder. */
export function writeTinyMnist(folder: string, trainCount = 320, testCount = 64): void {
  fs.mkdirSync(folder, { recursive: true });
  for (const [split, count] of [
    ['train', trainCount],
    ['t10k', testCount],
  ] as const) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    const images = new Uint8Array(count * SIDE * SIDE);
    labels.forEach((label, i) =>
      images.set(tinyDigit(label, 155 + ((37 * i) % 101)), i * SIDE ** 2),
    );
    const shape = [count, SIDE, SIDE];
    const write = (name: string, bytes: Uint8Array): void =>
      fs.writeFileSync(path.join(folder, `${split}-${name}-ubyte`), bytes);
    write('images-idx3', encodeIdx({ dtype: 'uint8', shape, data: images }));
    write('labels-idx1', encodeIdx({ dtype: 'uint8', shape: [count], data: labels }));
  }
}
