/**
 * A file with torchvision's AlexNet: the header is what safetensors' reference writer gives its
 * state_dict (torchvision_alexnet.json, by interchange.py), the numbers behind it are made here.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as sg from 'shadegrad';
import { afterEach, beforeEach, expect, test } from 'vitest';
import tensors from './torchvision_alexnet.json';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-alexnet-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: number[];
}
const entries: [string, Entry][] = Object.entries(tensors);
const PERIOD = 65_521; // a prime, so that no row is like another

/** The number at an element of the file, exact in f32. */
const valueAt = (element: number): number => (element % PERIOD) / 65_536 - 0.5;

function write(file: string): void {
  const text = Buffer.from(JSON.stringify(tensors));
  const header = Buffer.alloc(8 + 8 * Math.ceil(text.length / 8), ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8), 0);
  text.copy(header, 8);
  const end = entries.reduce((most, [, { data_offsets }]) => Math.max(most, data_offsets[1]!), 0);
  const period = Float32Array.from({ length: PERIOD }, (_, i) => valueAt(i));
  const handle = fs.openSync(file, 'w');
  try {
    fs.writeSync(handle, header);
    for (let from = 0; from < end; from += period.byteLength) {
      fs.writeSync(
        handle,
        new Uint8Array(period.buffer, 0, Math.min(period.byteLength, end - from)),
      );
    }
  } finally {
    fs.closeSync(handle);
  }
}

test('loads strictly into AlexNet', async () => {
  const file = path.join(folder, 'alexnet.safetensors');
  write(file);
  expect(fs.statSync(file).size).toBeGreaterThan(4 * 61_100_840);
  const model = new sg.models.AlexNet({ variant: 'torchvision' });
  const dict = await sg.io.load(file);
  expect(model.loadStateDict(dict, { strict: true })).toEqual({
    missingKeys: [],
    unexpectedKeys: [],
  });
  for (const tensor of Object.values(dict)) tensor.dispose();

  const state = model.stateDict();
  expect(Object.keys(state).sort()).toEqual(entries.map(([key]) => key).sort());
  for (const [key, { shape, data_offsets }] of entries) {
    const weights = state[key]!;
    expect(weights.shape, key).toEqual(shape);
    const [first, last] = [data_offsets[0]! / 4, data_offsets[1]! / 4 - 1];
    expect(last - first + 1, key).toBe(weights.numel);
    // Some whole rows: all of the largest weight is more than some adapters bind.
    const [rows, columns] = [shape[0]!, weights.numel / shape[0]!];
    const places = [0, Math.floor(rows / 3), rows - 1];
    using index = sg.tensor(Int32Array.from(places));
    using picked = sg.noGrad(() => weights.reshape([rows, columns]).indexSelect(0, index));
    const expected = Float32Array.from({ length: places.length * columns }, (_, i) =>
      valueAt(first + places[Math.floor(i / columns)]! * columns + (i % columns)),
    );
    const values = (await picked.data()) as Float32Array;
    expect(values.length, key).toBe(expected.length);
    expect(
      values.findIndex((value, i) => value !== expected[i]),
      key,
    ).toBe(-1);
  }
  model.dispose();
});
