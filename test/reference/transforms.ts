import { philox, toUnit } from '../../src/random/philox.js';
import type { Draw } from '../../src/random/generator.js';

/** A random transform, as the kernel has it in its list. */
export type RandomTransform =
  | { kind: 'randomCrop'; padding: number }
  | { kind: 'randomHorizontalFlip' | 'randomVerticalFlip'; p: number };

/** The bytes of one plane. */
export interface Plane {
  height: number;
  width: number;
  data: ArrayLike<number>;
}

/** A plane of image `n` of a batch, transformed one step after the other. */
export function transformed(
  plane: Plane,
  transforms: readonly RandomTransform[],
  n: number,
  { seed0, seed1, offset }: Draw,
): Plane {
  return transforms.reduce((image, transform, s) => {
    const [first, second] = philox([n, s, offset, 0], [seed0, seed1]);
    const { height, width, data } = image;
    if (transform.kind === 'randomCrop') {
      const { padding } = transform;
      const [top, left] = [first, second].map((word) =>
        Math.floor((word * (2 * padding + 1)) / 2 ** 32),
      ) as [number, number];
      return mapped(image, (h, w) => {
        const [row, column] = [h + top - padding, w + left - padding];
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        return inside ? data[row * width + column]! : 0;
      });
    }
    if (!(toUnit(first) < Math.fround(transform.p))) return image;
    return transform.kind === 'randomHorizontalFlip'
      ? mapped(image, (h, w) => data[h * width + width - 1 - w]!)
      : mapped(image, (h, w) => data[(height - 1 - h) * width + w]!);
  }, plane);
}

function mapped({ height, width }: Plane, at: (h: number, w: number) => number): Plane {
  const data = Array.from({ length: height * width }, (_, i) =>
    at(Math.floor(i / width), i % width),
  );
  return { height, width, data };
}
