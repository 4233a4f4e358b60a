/** Weights to PyTorch: safetensors' reference reader reads what is written here, as interchange_read.py. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as sg from 'shadegrad';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ROOT } from '../support/builtPackage.js';
import { labels, pixels } from '../support/digits.js';
import { needPython, python } from '../support/python.js';
import { interchangeNetwork } from './interchangeNetwork.js';

const { nn } = sg;

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-interchange-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

test('PyTorch loads a trained network strictly, and gives the same logits', async (context) => {
  needPython(context);
  sg.manualSeed(1);
  const model = interchangeNetwork();
  using x = sg.tensor(pixels, { shape: [16, 1, 28, 28] });
  using y = sg.tensor(labels);
  const optimizer = new sg.optim.Adam(model.parameters(), { lr: 0.01 });
  for (let i = 0; i < 10; i++) {
    using scores = model.forward(x);
    using loss = nn.functional.crossEntropy(scores, y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  }
  model.eval();
  using logits = sg.noGrad(() => model.forward(x));
  await sg.io.save(path.join(folder, 'model.safetensors'), model.stateDict());
  fs.writeFileSync(path.join(folder, 'logits.json'), JSON.stringify(await logits.toArray()));
  optimizer.dispose();
  model.dispose();

  const printed = python([path.join(ROOT, 'test/golden/interchange_read.py'), folder]).split('\n');
  expect(printed[0]).toBe('<All keys matched successfully>');
  expect(printed.slice(1, -2)).toEqual([
    '0.weight (4, 1, 5, 5) torch.float64',
    '0.bias (4,) torch.float64',
    '1.weight (4,) torch.float64',
    '1.bias (4,) torch.float64',
    '1.running_mean (4,) torch.float64',
    '1.running_var (4,) torch.float64',
    '1.num_batches_tracked () torch.int64',
    '5.weight (10, 144) torch.float64',
    '5.bias (10,) torch.float64',
  ]);
});

test('it notices weights that are not those of the logits', async (context) => {
  needPython(context);
  using weight = sg.zeros([2]);
  await sg.io.save(path.join(folder, 'model.safetensors'), { weight });
  fs.writeFileSync(path.join(folder, 'logits.json'), '[]');
  const script = path.join(ROOT, 'test/golden/interchange_read.py');
  expect(() => python([script, folder])).toThrow('Missing key(s) in state_dict: "0.weight"');
});
