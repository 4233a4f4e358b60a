// A training step, recorded once and replayed: how much less the host has to do.
//
//   node examples/capture.js
import * as sg from 'shadegrad';

await sg.init();
sg.manualSeed(1);

const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
const criterion = new sg.nn.CrossEntropyLoss();
const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
const step = (x, target) => {
  const loss = criterion.forward(model.forward(x), target);
  optimizer.zeroGrad(); // what belongs to a step goes into the function
  loss.backward();
  optimizer.step();
  return loss;
};
const captured = sg.capture(step);

const x = sg.rand([16, 1, 28, 28]);
const target = sg.randint(0, 10, [16]);
await model.compile([16, 1, 28, 28]);
for (const [name, run] of [
  ['plain', step],
  ['captured', captured],
]) {
  for (let i = 0; i < 2; i++) run(x, target); // the second call of a captured step records it
  let milliseconds = 0;
  for (let i = 0; i < 10; i++) {
    const started = performance.now();
    run(x, target);
    milliseconds += performance.now() - started;
    await sg.sync();
  }
  console.log(`${name}: ${(milliseconds / 10).toFixed(2)} ms of JavaScript a step`);
}
console.log(
  `${captured.dispatches} dispatches a step, loss ${(await captured(x, target).item()).toFixed(3)}`,
);

captured.dispose();
sg.close();
