/** What a transform of images is, as data. */

/** Pixels v from 0 to 255 become (v / 255 - mean) / std, by channel. */
export interface Normalization {
  mean: readonly number[];
  std: readonly number[];
}

/** Height and width in pixels; one number for both, except in `resize`. */
export type Size = number | readonly [height: number, width: number];

/** How a resized image is read: between its pixels, or at the nearest one. */
export type ResizeMode = 'bilinear' | 'nearest';

/** The lowest and the highest of what a factor may be. */
export type Range = readonly [low: number, high: number];

/** Made by the functions of transforms.ts. */
export type Transform =
  | { readonly kind: 'resize'; readonly size: Size; readonly mode: ResizeMode }
  | { readonly kind: 'resizeWithPad'; readonly size: Size; readonly mode: ResizeMode }
  | { readonly kind: 'centerCrop'; readonly size: Size }
  | { readonly kind: 'randomCrop'; readonly padding: number; readonly size?: Size }
  | { readonly kind: 'randomHorizontalFlip' | 'randomVerticalFlip'; readonly p: number }
  | { readonly kind: 'colorJitter'; readonly ranges: Readonly<Record<JitterKey, Range>> }
  | {
      readonly kind: 'lighting';
      readonly std: number;
      readonly eigenvalues: readonly number[];
      readonly eigenvectors: readonly (readonly number[])[];
    }
  | { readonly kind: 'cutout'; readonly size: number; readonly fill: number | readonly number[] }
  | { readonly kind: 'normalize'; readonly normalization: Normalization };

/** Whether it is not the same each time. */
export function isRandom({ kind }: Transform): boolean {
  return !['resize', 'resizeWithPad', 'centerCrop', 'normalize'].includes(kind);
}

/** What colorJitter changes. */
export type JitterKey = 'brightness' | 'contrast' | 'saturation' | 'hue';
