import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'jpeg-js';
import * as sg from 'shadegrad';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let root: string;

/** A file of one colour. */
async function put(
  path: string,
  width: number,
  height: number,
  pixel: readonly number[],
): Promise<void> {
  const channels = pixel.length;
  const data = Uint8Array.from(
    { length: width * height * channels },
    (_, i) => pixel[i % channels]!,
  );
  const file = join(root, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(
    file,
    path.endsWith('.png')
      ? await sg.data.encodePng({ width, height, channels, data })
      : encode({ width, height, data }, 100).data,
  );
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'shadegrad-images-'));
  await put('same/dog/b.png', 4, 3, [200, 100, 50]);
  await put('same/dog/a.png', 4, 3, [60]);
  await put('same/cat/1.jpg', 4, 3, [10, 200, 30, 255]);
  await put('same/cat/2.png', 4, 3, [1, 2, 3, 128]);
  await writeFile(join(root, 'same/cat/notes.txt'), 'not an image');
  await writeFile(join(root, 'same/.hidden'), '');
  await put('mixed/a/1.png', 4, 3, [255, 0, 0]);
  await put('mixed/b/2.png', 6, 8, [0, 255, 0]);
});
afterAll(() => rm(root, { recursive: true }));

describe('imageFolder', () => {
  test('has a class for each sub-folder, and images by name', async () => {
    const dataset = await sg.data.imageFolder(join(root, 'same'));
    expect(dataset.classNames).toEqual(['cat', 'dog']);
    expect([...dataset.labels]).toEqual([0, 0, 1, 1]);
    expect(dataset.imageShape).toEqual([3, 3, 4]);
    const plane = (value: number) => Array<number>(12).fill(value);
    expect([...dataset.image(1)]).toEqual([...plane(1), ...plane(2), ...plane(3)]);
    expect([...dataset.image(2)]).toEqual(plane(60).concat(plane(60), plane(60)));
    expect([...dataset.image(3)]).toEqual([...plane(200), ...plane(100), ...plane(50)]);
    const jpeg = dataset.image(0);
    [10, 200, 30].forEach((value, c) =>
      expect(Math.abs(jpeg[12 * c + 5]! - value)).toBeLessThan(4),
    );
  });

  test('in grey', async () => {
    const dataset = await sg.data.imageFolder(join(root, 'same'), { channels: 1 });
    expect(dataset.imageShape).toEqual([1, 3, 4]);
    expect(dataset.image(2)[0]).toBe(60);
    expect(dataset.image(3)[0]).toBe(124); // 0.299 * 200 + 0.587 * 100 + 0.114 * 50
  });

  test('keeps bytes, so it cannot normalise as it loads', async () => {
    const load = [sg.data.transforms.normalize({ mean: [0.5], std: [0.5] })];
    await expect(sg.data.imageFolder(root, { load })).rejects.toThrow(
      /imageFolder: expected load without normalize, got it\. .*pass normalization/,
    );
  });

  test('makes images of several sizes one size, and wants to', async () => {
    const { resizeWithPad, randomHorizontalFlip } = sg.data.transforms;
    const mixed = join(root, 'mixed');
    const dataset = await sg.data.imageFolder(mixed, {
      load: [resizeWithPad(8)],
      transforms: [randomHorizontalFlip()],
    });
    expect(dataset.imageShape).toEqual([3, 8, 8]);
    const [red, green] = [dataset.image(0).subarray(0, 64), dataset.image(1).subarray(64, 128)];
    const row = (image: Uint8Array, y: number) => [...image.subarray(8 * y, 8 * y + 8)];
    expect([row(red, 0), row(red, 1), row(red, 6)]).toEqual([
      Array(8).fill(0),
      Array(8).fill(255),
      Array(8).fill(255),
    ]);
    expect(row(green, 5)).toEqual([0, 255, 255, 255, 255, 255, 255, 0]);
    const batch = new sg.data.DataLoader(dataset, { batchSize: 2 }).sample();
    expect(batch[0]!.shape).toEqual([2, 3, 8, 8]);
    for (const t of batch) t.dispose();
    dataset.dispose();
    const wrong = sg.data.imageFolder(mixed);
    await expect(wrong).rejects.toThrow(sg.DataFormatError);
    await expect(wrong).rejects.toThrow(
      `${join(mixed, 'b/2.png')}: expected an image of 3 x 4 as ${join(mixed, 'a/1.png')}, got 8 x 6`,
    );
  });

  test('refuses folders that are missing or empty, and damaged files', async () => {
    await expect(sg.data.imageFolder(join(root, 'none'))).rejects.toThrow(sg.ResourceError);
    await expect(sg.data.imageFolder(join(root, 'same/dog'))).rejects.toThrow(
      'imageFolder: expected a sub-folder for each class in',
    );
    await mkdir(join(root, 'half/empty'), { recursive: true });
    await expect(sg.data.imageFolder(join(root, 'half'))).rejects.toThrow(
      `imageFolder: expected PNG or JPEG files in ${join(root, 'half/empty')}, got none`,
    );
    await writeFile(join(root, 'half/empty/x.png'), 'text');
    await expect(sg.data.imageFolder(join(root, 'half'))).rejects.toThrow(
      'x.png at byte 0: expected',
    );
    const channels = 2 as 3;
    await expect(sg.data.imageFolder(join(root, 'same'), { channels })).rejects.toThrow('1 or 3');
  });
});
