/** What a layer makes of an image, channel by channel. */

import { ArgumentError, ShapeError } from '../errors.js';
import {
  arrange,
  checkedShape,
  columnsFor,
  extent,
  imageCells,
  magnitude,
  rampOf,
  type ImageBatch,
  type ImageScale,
} from './imageGrid.js';

/** What `featureMaps` draws. */
export interface FeatureMapsOptions {
  /** What the layer returned for one image, (1, C, H, W) or (C, H, W). */
  maps: ImageBatch;
  /** The image itself, (1, 1 or 3, H, W), drawn first. */
  image?: ImageBatch;
  /** Name of the layer, for the title. */
  layer?: string;
  /** Channels that are drawn at most, the first ones. Default: 64. */
  channels?: number;
  /** `common`: one scale for all channels; `each`: each from its minimum to its maximum. Default: `common`. */
  scale?: 'common' | 'each';
  /** Images in a row. Default: a grid about as high as wide, at most 10. */
  columns?: number;
  /** Size of the longer side of a map in CSS pixels. Default: 64. */
  cellSize?: number;
}

/**
 * Draws the channels that a convolution or a pool gives for one image, numbered from 0: on one grey
 * scale from 0 to the largest value, or, where there are negative ones, in two colours that meet at
 * 0 (orange below, blue above).
 *
 * @returns A complete `<svg>` element with a white background.
 * @throws ShapeError     The maps are not (1, C, H, W) or (C, H, W) of the data, as those of a dense
 *                        layer, or the image is not one image.
 * @throws ArgumentError  `channels` is not a positive integer, or as `imageGrid`.
 *
 * @example
 * const { relu } = await sg.train.featureMaps(model, image, ['relu']);
 * await featureMaps({ maps: relu, layer: 'relu' });
 */
export async function featureMaps(options: FeatureMapsOptions): Promise<string> {
  const { image, layer, channels = 64, scale = 'common', cellSize = 64 } = options;
  const { data, shape } = options.maps;
  const four = shape.length === 3 ? [1, ...shape] : shape;
  if (four.length !== 4 || four[0] !== 1) {
    throw new ShapeError(
      'featureMaps',
      'maps (1, C, H, W) or (C, H, W)',
      shape,
      'Pass one image through a convolution or a pool',
    );
  }
  if (!Number.isInteger(channels) || channels < 1) {
    throw new ArgumentError('featureMaps', 'channels to be a positive integer', channels);
  }
  const [, c, h, w] = checkedShape('featureMaps', { data, shape: four }, false);
  const shown = Math.min(c, channels);
  const signed = extent(data, 0, data.length).min < 0;
  const limit = magnitude(data) || 1;
  const range = { min: signed ? -limit : 0, max: limit };
  const colors = signed ? 'diverging' : 'grey';
  const ends: ImageScale = scale === 'each' ? 'each' : range;

  const part = Array.from({ length: shown * h * w }, (_, i) => data[i]!);
  const cells = await imageCells(
    'featureMaps',
    { data: part, shape: [shown, 1, h, w] },
    { scale: ends, colors, cellSize, captions: part.slice(0, shown).map((_, i) => String(i)) },
  );
  if (image !== undefined) {
    if (image.shape[0] !== 1) throw new ShapeError('featureMaps', 'one image', image.shape);
    cells.unshift(...(await imageCells('featureMaps', image, { cellSize, captions: ['input'] })));
  }
  const some = shown < c ? `${shown} of ${c} channels` : `${c} channel${c === 1 ? '' : 's'}`;
  const title = `${layer === undefined ? 'Feature maps' : layer}: ${some} of ${h} \u00d7 ${w}`;
  const legend =
    scale === 'each'
      ? undefined
      : { ...range, color: rampOf(colors), ...(signed && { middle: '0' }) };
  const columns = options.columns ?? columnsFor(cells.length);
  return arrange('featureMaps', cells, columns, `Feature maps, ${title}`, title, legend);
}
