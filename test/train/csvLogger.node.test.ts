import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as sg from 'shadegrad';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { blobModel, blobs } from '../support/blobs.js';

let folder: string;
let file: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-csv-'));
  file = path.join(folder, 'deep/log.csv');
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

const HEAD = 'epoch,loss,accuracy,valLoss,valAccuracy,lr,seconds,examplesPerSecond';

type EpochRecord = sg.train.EpochRecord;

const record = (epoch: number): EpochRecord => ({
  epoch,
  loss: 0.5 / epoch,
  accuracy: 0.75,
  seconds: 2,
  examplesPerSecond: 45,
});

/** What is in the file after each of the epochs. */
async function filesAfter(epochs: readonly EpochRecord[]): Promise<string[]> {
  const logger = new sg.train.CSVLogger(file);
  const files: string[] = [];
  for (const [i, one] of epochs.entries()) {
    const history = { epochs: epochs.slice(0, i + 1), steps: [], bestEpoch: 0 };
    await logger.onEpochEnd(one, { history } as unknown as sg.train.TrainingContext);
    files.push(fs.readFileSync(file, 'utf8'));
  }
  return files;
}

test('the file is whole after every epoch, and a new run replaces it', async () => {
  const second = { ...record(2), valLoss: 0.125, valAccuracy: 1, lr: 0.01 };
  expect(await filesAfter([record(1), second])).toEqual([
    `${HEAD}\n1,0.5,0.75,,,,2,45\n`,
    `${HEAD}\n1,0.5,0.75,,,,2,45\n2,0.25,0.75,0.125,1,0.01,2,45\n`,
  ]);
  expect(await filesAfter([record(1)])).toEqual([`${HEAD}\n1,0.5,0.75,,,,2,45\n`]);
  expect(fs.readdirSync(path.dirname(file))).toEqual(['log.csv']);
});

test('metrics have columns behind the others', async () => {
  const [, both] = await filesAfter([
    { ...record(1), metrics: { f1: 0.5, valF1: 0.25 } },
    { ...record(2), metrics: { f1: 0.75 }, partial: true },
  ]);
  expect(both).toBe(`${HEAD},f1,valF1\n1,0.5,0.75,,,,2,45,0.5,0.25\n2,0.25,0.75,,,,2,45,0.75,\n`);
});

test('a Trainer writes its history to it', async () => {
  const data = blobs(30);
  const model = blobModel();
  const trainer = new sg.train.Trainer(model, {
    optimizer: new sg.optim.SGD(model.parameters(), { lr: 0.1 }),
    callbacks: [new sg.train.CSVLogger(file)],
  });
  const { epochs } = await trainer.fit(new sg.data.DataLoader(data, { batchSize: 10 }), {
    epochs: 3,
  });
  const [head, ...rows] = fs.readFileSync(file, 'utf8').trim().split('\n');
  expect(head).toBe(HEAD);
  expect(rows.map((row) => row.split(',').slice(0, 3).map(Number))).toEqual(
    epochs.map(({ epoch, loss, accuracy }) => [epoch, loss, accuracy]),
  );
  sg.tidy(() => model.parameters()[0]!.sum().backward());
  model.dispose();
  data.dispose();
});
