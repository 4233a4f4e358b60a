/** A process from its start to its first training step, batch 64; `networks.ts` times it from outside. */
import * as sg from 'shadegrad';
import { NETWORKS } from './networks.js';

const { make, inputShape, classes } = NETWORKS[process.argv[2]!]!;
await sg.init({ onNote: () => undefined });
const model = make();
const criterion = new sg.nn.CrossEntropyLoss();
const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
const x = sg.rand([64, ...inputShape]);
const target = sg.randint(0, classes, [64]);
const loss = criterion.forward(model.forward(x), target);
loss.backward();
optimizer.step();
console.log(await loss.item());
sg.close();
