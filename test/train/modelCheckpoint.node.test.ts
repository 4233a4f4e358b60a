import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as sg from 'shadegrad';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { blobModel, blobs } from '../support/blobs.js';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-checkpoint-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

const { ModelCheckpoint } = sg.train;
const record = {
  epoch: 7,
  loss: 0.25,
  accuracy: 0.5,
  valLoss: 0.12345,
  metrics: { valF1: 0.5 },
  seconds: 1,
  examplesPerSecond: 1,
};

test('writes safetensors files that load, named by epoch and values', async () => {
  const model = blobModel();
  const data = blobs(30);
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
  const keep = new ModelCheckpoint(path.join(folder, 'deep/{epoch:02d}-{valLoss:.3f}.safetensors'));
  const loader = new sg.data.DataLoader(data, { batchSize: 10 });
  const trainer = new sg.train.Trainer(model, { optimizer, callbacks: [keep] });
  const { epochs } = await trainer.fit(loader, { epochs: 2, validation: loader });
  const names = epochs.map(({ epoch, valLoss }) => `0${epoch}-${valLoss!.toFixed(3)}.safetensors`);
  expect(fs.readdirSync(path.join(folder, 'deep')).sort()).toEqual(names);
  expect(keep.savedPath).toBe(path.join(folder, 'deep', names[1]!));

  const tensors = await sg.io.load(keep.savedPath!);
  const other = blobModel();
  other.loadStateDict(tensors);
  const values = (module: sg.nn.Module) => Promise.all(module.parameters().map((p) => p.toArray()));
  expect(await values(other)).toEqual(await values(model));
  const metadata = sg.io.safetensorsMetadata(await sg.io.readFile(keep.savedPath!));
  expect(Number(metadata.epoch)).toBe(2);
  expect(Number(metadata.valLoss)).toBe(epochs[1]!.valLoss);
  sg.tidy(() => model.parameters()[0]!.sum().backward());
  for (const one of [...Object.values(tensors), other, model, data, optimizer]) one.dispose();
});

test.each([
  ['{epoch}', '7'],
  ['{epoch:04d}', '0007'],
  ['{loss}-{valF1:.1f}', '0.25-0.5'],
  ['{valLoss:.2f}/model', '0.12/model'],
])('%s becomes %s', async (pattern, name) => {
  const model = blobModel();
  const keep = new ModelCheckpoint(path.join(folder, pattern));
  await keep.onEpochEnd(record, { model } as unknown as sg.train.TrainingContext);
  expect(fs.existsSync(path.join(folder, name))).toBe(true);
  model.dispose();
});

test.each([
  ['{valAcc}', 'expected fields of epoch, loss, accuracy, valLoss'],
  ['{epoch:3x}', 'expected formats like {epoch:02d} and {loss:.3f}, got {epoch:3x}'],
])('refuses %s', async (pattern, message) => {
  const model = blobModel();
  const keep = new ModelCheckpoint(path.join(folder, pattern));
  const context = { model } as unknown as sg.train.TrainingContext;
  await expect(keep.onEpochEnd(record, context)).rejects.toThrow(message);
  expect(fs.readdirSync(folder)).toEqual([]);
  model.dispose();
});

test('an epoch that is stopped within is not saved', async () => {
  const model = blobModel();
  const data = blobs(30);
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
  const keep = new ModelCheckpoint(path.join(folder, '{epoch}-{valLoss:.3f}'));
  const stop: sg.train.Callback = {
    onBatchEnd: (epoch, _, context) => {
      if (epoch === 2) context.stop();
    },
  };
  const loader = new sg.data.DataLoader(data, { batchSize: 10 });
  const trainer = new sg.train.Trainer(model, { optimizer, callbacks: [stop, keep] });
  const { epochs } = await trainer.fit(loader, { epochs: 2, validation: loader });
  expect(epochs.map(({ partial = false }) => partial)).toEqual([false, true]);
  expect(fs.readdirSync(folder)).toEqual([`1-${epochs[0]!.valLoss!.toFixed(3)}`]);
  sg.tidy(() => model.parameters()[0]!.sum().backward());
  for (const one of [model, data, optimizer]) one.dispose();
});
