import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as sg from 'shadegrad';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-io-'));
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

test('save and load go round through a file', async () => {
  const file = path.join(folder, 'deep/model.safetensors');
  const model = new sg.nn.Sequential(new sg.nn.Linear(3, 4), new sg.nn.Linear(4, 2));
  await sg.io.save(file, model.stateDict(), { command: 'test' });
  const before = await Promise.all(model.parameters().map((p) => p.data()));
  for (const parameter of model.parameters()) sg.nn.init.zeros_(parameter);
  const loaded = await sg.io.load(file);
  expect(model.loadStateDict(loaded)).toEqual({ missingKeys: [], unexpectedKeys: [] });
  const after = await Promise.all(model.parameters().map((p) => p.data()));
  expect(after).toEqual(before);
  for (const tensor of Object.values(loaded)) tensor.dispose();
  model.dispose();
});

test('a save that fails leaves the file of before, and nothing beside it', async () => {
  const file = path.join(folder, 'model.safetensors');
  using first = sg.ones([2]);
  await sg.io.save(file, { first });
  const bytes = fs.readFileSync(file);
  const freed = sg.ones([2]);
  freed.dispose();
  await expect(sg.io.save(file, { first, freed })).rejects.toThrow(sg.DisposedError);
  expect(fs.readFileSync(file)).toEqual(bytes);
  expect(fs.readdirSync(folder)).toEqual(['model.safetensors']);
});

test('load says which file is not there or is damaged', async () => {
  const file = path.join(folder, 'model.safetensors');
  await expect(sg.io.load(file)).rejects.toThrow(sg.ResourceError);
  await expect(sg.io.load(file)).rejects.toThrow(file);
  fs.writeFileSync(file, 'not a model');
  await expect(sg.io.load(file)).rejects.toThrow(sg.DataFormatError);
  await expect(sg.io.load(file)).rejects.toThrow(file);
});
