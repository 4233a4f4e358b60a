/** A picture of a digit or a piece of clothing as the networks expect it that learnt MNIST. */
import { checkImage, type Image } from './image.js';

export interface Grey28Options {
  /**
   * Exchange black and white? MNIST digits are white on black. 'auto', the default, does so if the
   * edge of the image is brighter than middle grey: a dark drawing on paper.
   */
  invert?: 'auto' | boolean;
  /**
   * Cut the image to the digit, scale that to 20 x 20 and put its centre of mass in the middle, as
   * the digits of MNIST were made. For photos and drawings of any framing. Default false.
   */
  center?: boolean;
}

const SIDE = 28;
/** The box that the digits of MNIST fit in, in pixels. */
const BOX = 20;

/**
 * Turns a picture of a digit into 28 x 28 grey values as in MNIST: grey by ITU-R BT.601,
 * transparency laid over white (over black, if what can be seen is bright), inverted if it is dark
 * on light, padded to a square with the grey of its edge, and resized, by area where it shrinks
 * and bilinearly where it grows.
 *
 * A 28 x 28 grey image in the form of MNIST comes out unchanged.
 *
 * @returns 784 bytes, rows from the top, 0 black to 255 white.
 * @throws ArgumentError, ShapeError  The image's fields contradict each other.
 */
export function toGrey28(
  image: Image,
  { invert = 'auto', center = false }: Grey28Options = {},
): Uint8Array {
  checkImage('toGrey28', image);
  const { width, height } = image;
  const grey = toGrey(image);
  if (invert === true || (invert === 'auto' && edgeMean(grey, width, height) > 127.5)) {
    for (let i = 0; i < grey.length; i++) grey[i] = 255 - grey[i]!;
  }
  const small = center
    ? centerDigit(grey, width, height)
    : resize(square(grey, width, height), Math.max(width, height), SIDE);
  return Uint8Array.from(small, Math.round);
}

/** Luma of ITU-R BT.601, 0 to 255, with transparent pixels laid over a plain background. */
function toGrey({ width, height, channels, data }: Image): Float32Array {
  const pixels = width * height;
  const grey = new Float32Array(pixels);
  const alpha = channels % 2 === 0 ? new Float32Array(pixels) : undefined;
  let seen = 0; // sum of grey, weighted by how much of it can be seen
  let weight = 0;
  for (let p = 0; p < pixels; p++) {
    const at = p * channels;
    grey[p] =
      channels < 3 ? data[at]! : 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
    if (alpha) {
      alpha[p] = data[at + channels - 1]! / 255;
      seen += alpha[p]! * grey[p]!;
      weight += alpha[p]!;
    }
  }
  if (!alpha) return grey;
  const background = weight > 0 && seen / weight > 127.5 ? 0 : 255;
  return grey.map((value, p) => alpha[p]! * value + (1 - alpha[p]!) * background);
}

/** Mean of the outermost pixels, which are background in a picture of a digit. */
function edgeMean(grey: Float32Array, width: number, height: number): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    const inner = y > 0 && y < height - 1;
    for (let x = 0; x < width; x += inner ? Math.max(1, width - 1) : 1) {
      sum += grey[y * width + x]!;
      count++;
    }
  }
  return sum / count;
}

/** The image in the middle of a square of its longer side, filled with the grey of its edge. */
function square(grey: Float32Array, width: number, height: number): Float32Array {
  if (width === height) return grey;
  const side = Math.max(width, height);
  const out = new Float32Array(side * side).fill(edgeMean(grey, width, height));
  const left = (side - width) >> 1;
  const top = (side - height) >> 1;
  for (let y = 0; y < height; y++) {
    out.set(grey.subarray(y * width, (y + 1) * width), (top + y) * side + left);
  }
  return out;
}

/** Resizes a square image, axis by axis. */
function resize(grey: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return grey;
  const weights = axisWeights(from, to);
  const rows = new Float32Array(to * from); // (to, from): the vertical axis is done
  weights.forEach((taps, y) => {
    for (const { index, weight } of taps) {
      for (let x = 0; x < from; x++) rows[y * from + x]! += weight * grey[index * from + x]!;
    }
  });
  const out = new Float32Array(to * to);
  for (let y = 0; y < to; y++) {
    weights.forEach((taps, x) => {
      for (const { index, weight } of taps) out[y * to + x]! += weight * rows[y * from + index]!;
    });
  }
  return out;
}

/** For each of `to` pixels, the pixels of `from` that it is made of; the weights sum to 1. */
function axisWeights(from: number, to: number): { index: number; weight: number }[][] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    if (scale > 1) {
      // Area: each pixel counts by the length of it that is covered.
      const [start, end] = [i * scale, (i + 1) * scale];
      const taps = [];
      for (let index = Math.floor(start); index < Math.min(from, end); index++) {
        const covered = Math.min(end, index + 1) - Math.max(start, index);
        if (covered > 0) taps.push({ index, weight: covered / scale });
      }
      return taps;
    }
    const center = Math.min(from - 1, Math.max(0, (i + 0.5) * scale - 0.5));
    const index = Math.floor(center);
    const part = center - index;
    return part === 0
      ? [{ index, weight: 1 }]
      : [
          { index, weight: 1 - part },
          { index: index + 1, weight: part },
        ];
  });
}

/** Cuts to the bright part, scales it to 20 x 20 and centres it by mass on 28 x 28. */
function centerDigit(grey: Float32Array, width: number, height: number): Float32Array {
  const out = new Float32Array(SIDE * SIDE);
  const background = edgeMean(grey, width, height);
  const top = grey.reduce((a, b) => Math.max(a, b), 0);
  // Half-way is above the noise of paper and below the stroke.
  const threshold = background + (top - background) / 2;
  const box = { left: width, right: -1, top: height, bottom: -1 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (grey[y * width + x]! <= threshold) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
  }
  if (box.right < 0) return out; // a plain image: there is nothing to centre
  const [w, h] = [box.right - box.left + 1, box.bottom - box.top + 1];
  const cut = new Float32Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const value = grey[(box.top + y) * width + box.left + x]!;
      cut[y * w + x] = (255 * Math.max(0, value - background)) / (top - background);
    }
  }
  const side = Math.max(w, h);
  const padded = new Float32Array(side * side);
  const [left, above] = [(side - w) >> 1, (side - h) >> 1];
  for (let y = 0; y < h; y++) {
    padded.set(cut.subarray(y * w, (y + 1) * w), (above + y) * side + left);
  }
  const digit = resize(padded, side, BOX);

  let [mass, massX, massY] = [0, 0, 0];
  digit.forEach((value, i) => {
    mass += value;
    massX += value * ((i % BOX) + 0.5);
    massY += value * (Math.floor(i / BOX) + 0.5);
  });
  // The box stays inside the image: it may move by 4 pixels from the middle.
  const shift = (center: number) =>
    Math.min(SIDE - BOX, Math.max(0, Math.round(SIDE / 2 - center)));
  const [dx, dy] = [shift(massX / mass), shift(massY / mass)];
  for (let y = 0; y < BOX; y++) {
    out.set(digit.subarray(y * BOX, (y + 1) * BOX), (y + dy) * SIDE + dx);
  }
  return out;
}
