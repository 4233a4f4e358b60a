import { ArgumentError, DataFormatError, ResourceError } from '../errors.js';
import { isNode } from '../gpu/runtime.js';
import { tensor } from '../tensor/creation.js';
import { readFile } from './files.js';
import { decodeImage } from './image.js';
import { ImageDataset, type ImageDatasetOptions } from './imageDataset.js';
import { joinPath, listNodeFolder } from './nodeFiles.js';
import { toPlanes } from './planes.js';
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
  if (load.some(({ kind }) => kind === 'normalize')) {
    const fix = 'Images are kept as bytes: pass normalization, or normalize within transforms.';
    throw new ArgumentError('imageFolder', 'load without normalize', 'it', fix);
  }
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
    const planes = toPlanes(await decodeImage(await readFile(file), file), channels);
    const { shape, data } = await loaded(planes, load);
    const [, height, width] = shape;
    const size = `${height} x ${width}`;
    first ??= { size, file };
    if (size !== first.size) {
      const problem = `expected an image of ${first.size} as ${first.file}, got ${size}`;
      const fix = 'Make them one size as they are read: `load: [resize([height, width])]`';
      throw new DataFormatError(file, problem, undefined, fix);
    }
    imageShape = shape;
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
type Planes = ReturnType<typeof toPlanes>;

/** The image after its transforms, as bytes again. */
async function loaded(image: Planes, load: readonly Transform[]): Promise<Planes> {
  if (load.length === 0) return image;
  const pixels = Float32Array.from(image.data, (byte) => byte / 255);
  using x = tensor(pixels, { shape: [1, ...image.shape] });
  using y = apply(x, load);
  const shape = y.shape.slice(1) as Planes['shape'];
  const values = await y.data();
  const data = Uint8Array.from(values, (value) =>
    Math.round(255 * Math.min(1, Math.max(0, value))),
  );
  return { shape, data };
}
