/** The transforms of images one after the other, each written out, in float64. */
import type { Transform } from '../../src/data/transform.js';
import type { Draw } from '../../src/random/generator.js';
import { philox, toUnit } from '../../src/random/philox.js';

/** (C, H, W), from 0 to 1. */
export interface RefImage {
  channels: number;
  height: number;
  width: number;
  data: readonly number[];
}

type Words = readonly [number, number, number, number];

/** Image `n` of a batch after all transforms. */
export function transformed(
  image: RefImage,
  transforms: readonly Transform[],
  n: number,
  { seed0, seed1, offset }: Draw,
): RefImage {
  return transforms.reduce(
    (x, transform, i) => one(x, transform, philox([n, i, offset, 0], [seed0, seed1])),
    image,
  );
}

function one(x: RefImage, transform: Transform, words: Words): RefImage {
  const { height, width } = x;
  switch (transform.kind) {
    case 'resize': {
      const { size, mode } = transform;
      if (typeof size !== 'number') return scaled(x, size[0], size[1], mode);
      const scale = size / Math.min(height, width);
      const long = Math.floor((size * Math.max(height, width)) / Math.min(height, width));
      return scale === size / height ? scaled(x, size, long, mode) : scaled(x, long, size, mode);
    }
    case 'resizeWithPad': {
      const [h, w] = both(transform.size);
      const exact = h * width < w * height ? [h, (width * h) / height] : [(height * w) / width, w];
      const inner = scaled(
        x,
        Math.max(1, Math.floor(exact[0]!)),
        Math.max(1, Math.floor(exact[1]!)),
        transform.mode,
      );
      const [top, left] = [Math.floor((h - exact[0]!) / 2), Math.floor((w - exact[1]!) / 2)];
      return mapped(x, h, w, (c, i, j) => read(inner, c, i - top, j - left));
    }
    case 'centerCrop': {
      const [h, w] = both(transform.size);
      const begin = (from: number, to: number): number => {
        if (to > from) return -Math.floor((to - from) / 2);
        const exact = (from - to) / 2;
        return exact % 1 === 0 ? exact : 2 * Math.round(exact / 2); // halves to even
      };
      const [top, left] = [begin(height, h), begin(width, w)];
      return mapped(x, h, w, (c, i, j) => read(x, c, i + top, j + left));
    }
    case 'randomCrop': {
      const { padding } = transform;
      const [h, w] = transform.size === undefined ? [height, width] : both(transform.size);
      const top = Math.floor((words[0] * (height + 2 * padding - h + 1)) / 2 ** 32);
      const left = Math.floor((words[1] * (width + 2 * padding - w + 1)) / 2 ** 32);
      return mapped(x, h, w, (c, i, j) => read(x, c, i + top - padding, j + left - padding));
    }
    case 'randomHorizontalFlip':
    case 'randomVerticalFlip': {
      if (!(toUnit(words[0]) < Math.fround(transform.p))) return x;
      return transform.kind === 'randomHorizontalFlip'
        ? mapped(x, height, width, (c, i, j) => read(x, c, i, width - 1 - j))
        : mapped(x, height, width, (c, i, j) => read(x, c, height - 1 - i, j));
    }
    case 'cutout': {
      const { size, fill } = transform;
      const top = Math.floor((words[0] * height) / 2 ** 32) - Math.floor(size / 2);
      const left = Math.floor((words[1] * width) / 2 ** 32) - Math.floor(size / 2);
      return mapped(x, height, width, (c, i, j) => {
        const inside = i >= top && i < top + size && j >= left && j < left + size;
        if (!inside) return read(x, c, i, j);
        return typeof fill === 'number' ? fill : fill[c]!;
      });
    }
    case 'colorJitter':
      return jittered(x, transform.ranges, words);
    case 'lighting': {
      const { std, eigenvalues, eigenvectors } = transform;
      const alpha = [...normals(words[0], words[1]), normals(words[2], words[3])[0]!];
      return mapped(x, height, width, (c, i, j) =>
        eigenvalues.reduce(
          (sum, value, k) => sum + eigenvectors[c]![k]! * value * std * alpha[k]!,
          read(x, c, i, j),
        ),
      );
    }
    case 'normalize': {
      const { mean, std } = transform.normalization;
      return mapped(x, height, width, (c, i, j) => (read(x, c, i, j) - mean[c]!) / std[c]!);
    }
  }
}

const both = (size: number | readonly [number, number]): readonly [number, number] =>
  typeof size === 'number' ? [size, size] : size;

/** A pixel; black outside. */
function read({ height, width, data }: RefImage, c: number, i: number, j: number): number {
  const inside = i >= 0 && i < height && j >= 0 && j < width;
  return inside ? data[(c * height + i) * width + j]! : 0;
}

function mapped(
  { channels }: RefImage,
  height: number,
  width: number,
  value: (c: number, i: number, j: number) => number,
): RefImage {
  const data = Array.from({ length: channels * height * width }, (_, at) => {
    const row = Math.floor(at / width);
    return value(Math.floor(row / height), row % height, at % width);
  });
  return { channels, height, width, data };
}

function scaled(
  x: RefImage,
  height: number,
  width: number,
  mode: 'bilinear' | 'nearest',
): RefImage {
  const [down, across] = [x.height / height, x.width / width];
  if (mode === 'nearest') {
    // PyTorch multiplies in float32, which decides where a product is near a whole number.
    const place = (i: number, scale: number): number =>
      Math.floor(Math.fround(i * Math.fround(scale)));
    return mapped(x, height, width, (c, i, j) =>
      read(x, c, Math.min(x.height - 1, place(i, down)), Math.min(x.width - 1, place(j, across))),
    );
  }
  return mapped(x, height, width, (c, i, j) => {
    const y = Math.max(0, (i + 0.5) * down - 0.5);
    const z = Math.max(0, (j + 0.5) * across - 0.5);
    let sum = 0;
    for (const [row, a] of ends(y, x.height))
      for (const [column, b] of ends(z, x.width)) sum += a * b * read(x, c, row, column);
    return sum;
  });
}

/** The two whole places around one, with their shares. */
function ends(place: number, size: number): [number, number][] {
  const near = Math.min(Math.floor(place), size - 1);
  return [
    [near, 1 - (place - near)],
    [Math.min(near + 1, size - 1), place - near],
  ];
}

/** Box and Muller. */
function normals(a: number, b: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(Math.min((a + 1) / 2 ** 32, 1)));
  const angle = 2 * Math.PI * (toUnit(b) - 0.5);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

type Ranges = Extract<Transform, { kind: 'colorJitter' }>['ranges'];

function jittered(x: RefImage, ranges: Ranges, words: Words): RefImage {
  const kinds = ['brightness', 'contrast', 'saturation', 'hue'] as const;
  let code = Math.floor(
    (words.reduce((sum, word, i) => sum + (word % 256) * 256 ** i, 0) * 24) / 2 ** 32,
  );
  const left = [...kinds];
  const order = kinds.map(() => {
    const at = code % left.length;
    code = Math.floor(code / left.length);
    return left.splice(at, 1)[0]!;
  });
  return order.reduce((image, kind) => {
    const [low, high] = ranges[kind];
    return adjusted(image, kind, low + (high - low) * toUnit(words[kinds.indexOf(kind)]!));
  }, x);
}

function adjusted(x: RefImage, kind: keyof Ranges, factor: number): RefImage {
  const { channels, height, width } = x;
  if (factor === (kind === 'hue' ? 0 : 1)) return x;
  const blend = (v: number, other: number): number =>
    Math.min(1, Math.max(0, factor * v + (1 - factor) * other));
  const color = (i: number, j: number): number[] =>
    Array.from({ length: channels }, (_, c) => read(x, c, i, j));
  const grey = (i: number, j: number): number => {
    const [r, g, b] = color(i, j) as [number, number, number];
    return channels === 1 ? r : 0.2989 * r + 0.587 * g + 0.114 * b;
  };
  if (kind === 'brightness')
    return mapped(x, height, width, (c, i, j) => blend(read(x, c, i, j), 0));
  if (kind === 'contrast') {
    let sum = 0;
    for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) sum += grey(i, j);
    const mean = sum / (height * width);
    return mapped(x, height, width, (c, i, j) => blend(read(x, c, i, j), mean));
  }
  if (channels === 1) return x;
  if (kind === 'saturation')
    return mapped(x, height, width, (c, i, j) => blend(read(x, c, i, j), grey(i, j)));
  return mapped(x, height, width, (c, i, j) => turned(color(i, j), factor)[c]!);
}

/** By way of the angle on the hexagon of hues, as Wikipedia's "HSL and HSV" has it. */
function turned([r, g, b]: number[], by: number): number[] {
  const value = Math.max(r!, g!, b!);
  const chroma = value - Math.min(r!, g!, b!);
  if (chroma === 0) return [r!, g!, b!];
  const sector =
    value === r
      ? (g! - b!) / chroma
      : value === g
        ? (b! - r!) / chroma + 2
        : (r! - g!) / chroma + 4;
  const sixth = (((sector / 6 + by) % 1) + 1) % 1;
  return [5, 3, 1].map((n) => {
    const k = (n + 6 * sixth) % 6;
    return value - chroma * Math.max(0, Math.min(k, 4 - k, 1));
  });
}
