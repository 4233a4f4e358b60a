import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as sg from 'shadegrad';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTinyMnist } from '../support/tinyMnist.js';

let root: string;

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-mnist-'));
  writeTinyMnist(root, 20, 10);
});

afterAll(() => {
  fs.rmSync(root, { recursive: true });
});

test('transforms the training images, and only normalises those to test with', async () => {
  const { normalize, randomCrop } = sg.data.transforms;
  const transforms = [randomCrop({ padding: 2 }), normalize(sg.data.MNIST_NORMALIZATION)];
  const [augmented, plain] = await Promise.all([
    sg.data.mnist({ root, transforms }),
    sg.data.mnist({ root, normalization: sg.data.MNIST_NORMALIZATION }),
  ]);
  const imagesOf = async (dataset: sg.data.ImageDataset): Promise<number[]> => {
    const images: number[] = [];
    for await (const [x] of new sg.data.DataLoader(dataset, { batchSize: 20, seed: 1 }))
      images.push(...(await x!.data()));
    return images;
  };
  expect(augmented.train.transforms).toEqual(transforms);
  expect(await imagesOf(augmented.test)).toEqual(await imagesOf(plain.test));
  expect(await imagesOf(augmented.train)).not.toEqual(await imagesOf(plain.train));
  for (const set of [augmented, plain]) for (const part of [set.train, set.test]) part.dispose();
});

test('Fashion-MNIST has the same form, and names of its own', async () => {
  const { train, test: held } = await sg.data.fashionMnist({
    root,
    normalization: sg.data.FASHION_MNIST_NORMALIZATION,
  });
  expect([train.length, held.length]).toEqual([20, 10]);
  expect(train.imageShape).toEqual([1, 28, 28]);
  expect(train.classNames).toHaveLength(10);
  expect([train.classNames[0], held.classNames[9]]).toEqual(['T-shirt/top', 'Ankle boot']);
  expect(train.normalization.mean).toEqual([0.286]);
  const missing = sg.data.fashionMnist({ root: path.join(root, 'none') });
  await expect(missing).rejects.toThrow('Fashion-MNIST: no train-images-idx3-ubyte in');
});
