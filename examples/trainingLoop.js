// A training loop as in PyTorch, with a network of one's own: which side of a circle is a point on?
//
//   node examples/trainingLoop.js
import * as sg from 'shadegrad';

class Net extends sg.nn.Module {
  hidden = new sg.nn.Linear(2, 32);
  out = new sg.nn.Linear(32, 2);

  forward(x) {
    return this.out.forward(this.hidden.forward(x).tanh());
  }
}

await sg.init();
sg.manualSeed(1);

const points = sg.rand([512, 2]).mul(2).sub(1); // in the square from -1 to 1
const inside = points.square().sum(1).lt(0.6); // (512), 1 inside and 0 outside
const loader = new sg.data.DataLoader(new sg.data.TensorDataset(points, inside), {
  batchSize: 64,
  shuffle: true,
});

const model = new Net();
const criterion = new sg.nn.CrossEntropyLoss();
const optimizer = new sg.optim.Adam(model.parameters(), { lr: 0.02 });

for (let epoch = 1; epoch <= 20; epoch++) {
  let loss;
  for await (const [x, y] of loader) {
    loss = criterion.forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  }
  if (epoch % 5 === 0) console.log(`epoch ${epoch}  loss ${(await loss.item()).toFixed(4)}`);
}

const logits = sg.noGrad(() => model.forward(points));
const accuracy = await sg.train.accuracy(logits, inside);
console.log(`accuracy ${(accuracy * 100).toFixed(1)}%`);

sg.close();
