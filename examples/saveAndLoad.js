// Weights in a file, under PyTorch's keys, and a network that starts from them.
//
//   node examples/saveAndLoad.js
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as sg from 'shadegrad';

await sg.init();
const folder = await mkdtemp(join(tmpdir(), 'shadegrad-'));
const path = join(folder, 'lenet5.safetensors');

const trained = new sg.models.LeNet5();
await sg.io.save(path, trained.stateDict(), { note: 'not trained at all' });

const fresh = new sg.models.LeNet5();
const weights = await sg.io.load(path);
console.log(Object.keys(weights).join(' '));
fresh.loadStateDict(weights);

const x = sg.rand([1, 1, 28, 28]);
const [a, b] = await Promise.all([trained, fresh].map((model) => model.forward(x).data()));
console.log(
  'same answers:',
  a.every((value, i) => value === b[i]),
);

// A part of a network: the features stay, the classifier is new, and is all that learns.
const tenToTwo = new sg.models.LeNet5({ numClasses: 2 });
const features = Object.entries(weights).filter(([key]) => key.startsWith('features.'));
tenToTwo.loadStateDict(Object.fromEntries(features), { strict: false });
tenToTwo.features.requiresGrad_(false);
console.log('learns:', tenToTwo.summary([1, 1, 28, 28]).trainableParameters);

await rm(folder, { recursive: true });
sg.close();
