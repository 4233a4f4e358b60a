/** Weights from PyTorch and back: interchange.safetensors, which interchange.py writes. */
import * as sg from 'shadegrad';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeSafetensors } from '../../src/data/safetensors.js';
import { expectClose } from '../support/compare.js';
import { pixels } from '../support/digits.js';
import { interchangeNetwork } from './interchangeNetwork.js';
import golden from './interchange.json';
import bytes from './interchange.safetensors';

const { nn } = sg;
let model: sg.nn.Sequential;

beforeEach(() => {
  model = interchangeNetwork();
});

afterEach(() => {
  model.dispose();
});

/** Loads a file into the model and frees what was read. */
function load(file: Uint8Array, options?: sg.nn.LoadStateDictOptions): sg.nn.LoadStateDictResult {
  const tensors = sg.io.decodeSafetensors(file, 'interchange.safetensors');
  try {
    return model.loadStateDict(tensors, options);
  } finally {
    for (const tensor of Object.values(tensors)) tensor.dispose();
  }
}

test('a state_dict that PyTorch saved loads strictly, and gives the same logits', async () => {
  expect(load(bytes, { strict: true })).toEqual({ missingKeys: [], unexpectedKeys: [] });
  using x = sg.tensor(pixels, { shape: [16, 1, 28, 28] });
  model.eval();
  using logits = sg.noGrad(() => model.forward(x));
  expectClose(await logits.data(), golden.logits.flat(), { norm: 1e-5 }, 'logits');
});

test('written again it has the same keys, shapes and bits', async () => {
  load(bytes);
  const ours = decodeSafetensors(
    await sg.io.encodeSafetensors(model.stateDict(), { format: 'pt' }),
  );
  const theirs = decodeSafetensors(bytes);
  expect(ours.metadata).toEqual(theirs.metadata);
  expect(Object.keys(ours.tensors).sort()).toEqual(Object.keys(theirs.tensors).sort());
  for (const [key, { shape, data }] of Object.entries(theirs.tensors)) {
    expect(ours.tensors[key], key).toMatchObject({ shape, data });
  }
});

test('the bytes of parameters are those of the reference writer', async () => {
  load(bytes);
  const { metadata } = decodeSafetensors(bytes);
  // A count is i32 here and int64 in PyTorch; both read the other's.
  const { '1.num_batches_tracked': count, ...floats } = model.stateDict();
  expect(await count!.item()).toBe(5);
  const ours = await sg.io.encodeSafetensors(floats, metadata);
  const headerLength = (file: Uint8Array): number =>
    Number(new DataView(file.buffer).getBigUint64(0, true));
  const data = (file: Uint8Array): Uint8Array => file.slice(8 + headerLength(file));
  // The count is the widest and so comes first: 8 bytes.
  expect(data(ours)).toEqual(data(bytes).slice(8));
});

test('what does not fit is refused by name', () => {
  model.dispose();
  model = new nn.Sequential(new nn.Conv2d(1, 4, 3), new nn.ReLU(), new nn.Linear(144, 10));
  expect(() => load(bytes)).toThrow(
    'loadStateDict: expected the keys and shapes of Sequential, got missing 2.weight, 2.bias; ' +
      'unexpected 1.num_batches_tracked, 1.bias, 1.running_mean, 1.running_var, 1.weight, 5.bias, 5.weight; ' +
      '0.weight of (4, 1, 5, 5) where the model has (4, 1, 3, 3). ' +
      'Build the model as it was saved, or pass { strict: false } to load the keys that match.',
  );
});
