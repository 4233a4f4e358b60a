import { ArgumentError, DataFormatError, ResourceError } from '../errors.js';
import { isNode } from '../gpu/runtime.js';
import { tensor } from '../tensor/creation.js';
import { readFile } from './files.js';
import { decodeImage, type Image } from './image.js';
import { ImageDataset, type ImageDatasetOptions } from './imageDataset.js';
import { joinPath, listNodeFolder } from './nodeFiles.js';
import type { Transform } from './transform.js';
import { apply } from './transforms.js';

export interface ImageFolderOptions extends Pick<
  ImageDatasetOptions,
  'normalization' | 'transforms'
> {
  /** Channels of the images: 3, red, green and blue, or 1, grey. Transparency is dropped. Default 3. */
  channels?: 1 | 3;
  /**
   * What each image goes through as it is read, such as `[resize(256), centerCrop(224)]`, so that all
   * have one size in the end. Default none.
   */
  load?: readonly Transform[];
}

const ENDINGS = /\.(png|jpe?g)$/i;

/**
 * The PNG and JPEG files of a folder, in Node: one class for each sub-folder, by its name, both in
 * the order of their names.
 *
 * @example
 * const { normalize, randomHorizontalFlip, resizeWithPad } = sg.data.transforms;
 * const pets = await sg.data.imageFolder('pets', {
 *   load: [resizeWithPad(224)],
 *   transforms: [randomHorizontalFlip(), normalize({ mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] })],
 * });
 * @throws ResourceError    There is no such folder, or no class or image in it; or this is a browser.
 * @throws DataFormatError  A file is damaged, or of another size than those before it.
 * Source: https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html
 */
export async function imageFolder(
  root: string,
  { channels = 3, load = [], normalization, transforms }: ImageFolderOptions = {},
): Promise<ImageDataset> {
  if (!isNode())
    throw new ResourceError('imageFolder: browsers have no folders. Use ImageDataset and fetch.');
  if (channels !== 1 && channels !== 3)
    throw new ArgumentError('imageFolder', 'channels 1 or 3', channels);
  const classNames = await listNodeFolder(root, 'folders');
  const files = await Promise.all(
    classNames.map(async (name, label) =>
      (await listNodeFolder(joinPath(root, name), 'files'))
        .filter((file) => ENDINGS.test(file))
        .map((file) => ({ file: joinPath(root, name, file), label })),
    ),
  );
  const empty = classNames.find((_, label) => files[label]!.length === 0);
  if (classNames.length === 0 || empty !== undefined) {
    const where = empty === undefined ? root : joinPath(root, empty);
    const what = empty === undefined ? 'a sub-folder for each class' : 'PNG or JPEG files';
    throw new ResourceError(`imageFolder: expected ${what} in ${where}, got none`);
  }

  const images: Uint8Array[] = [];
  let first: { size: string; file: string } | undefined;
  let imageShape: ImageDatasetOptions['imageShape'] = [channels, 0, 0];
  for (const { file } of files.flat()) {
    const planes = planesOf(await decodeImage(await readFile(file), file), channels);
    const { height, width, data } = await loaded(planes, channels, load);
    const size = `${height} x ${width}`;
    first ??= { size, file };
    if (size !== first.size) {
      const problem = `expected an image of ${first.size} as ${first.file}, got ${size}`;
      const fix = 'Make them one size as they are read: `load: [resize([height, width])]`';
      throw new DataFormatError(file, problem, undefined, fix);
    }
    imageShape = [channels, height, width];
    images.push(data);
  }
  const bytes = new Uint8Array(images.length * (images[0]?.length ?? 0));
  images.forEach((image, i) => bytes.set(image, i * image.length));
  const labels = Uint16Array.from(files.flat(), ({ label }) => label);
  return new ImageDataset({
    ...{ images: bytes, labels, imageShape, classNames },
    ...{ normalization, transforms },
  });
}

/** (C, H, W) bytes. */
interface Planes {
  height: number;
  width: number;
  data: Uint8Array;
}

/** Planes of red, green and blue, or of grey by the weights that Pillow has. */
function planesOf({ width, height, channels, data }: Image, planes: 1 | 3): Planes {
  const pixels = width * height;
  const out = new Uint8Array(planes * pixels);
  const isColor = channels >= 3;
  for (let i = 0; i < pixels; i++) {
    const at = i * channels;
    const [r, g, b] = isColor
      ? [data[at]!, data[at + 1]!, data[at + 2]!]
      : [data[at]!, data[at]!, data[at]!];
    if (planes === 1) out[i] = Math.round((299 * r + 587 * g + 114 * b) / 1000);
    else {
      out[i] = r;
      out[pixels + i] = g;
      out[2 * pixels + i] = b;
    }
  }
  return { width, height, data: out };
}

/** The image after its transforms, as bytes again. */
async function loaded(
  image: Planes,
  channels: number,
  load: readonly Transform[],
): Promise<Planes> {
  if (load.length === 0) return image;
  const { height, width, data } = image;
  const x = tensor(
    Float32Array.from(data, (byte) => byte / 255),
    {
      shape: [1, channels, height, width],
    },
  );
  const y = apply(x, load);
  const [outHeight, outWidth] = y.shape.slice(2) as [number, number];
  const values = await y.data();
  for (const t of [x, y]) t.dispose();
  const bytes = Uint8Array.from(values, (value) =>
    Math.round(255 * Math.min(1, Math.max(0, value))),
  );
  return { height: outHeight, width: outWidth, data: bytes };
}
