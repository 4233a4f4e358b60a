// LeNet-5 on some of MNIST, trained by the Trainer, with a chart of the loss in a file.
//
//   node examples/trainer.js
import * as sg from 'shadegrad';

await sg.init();
sg.manualSeed(1);

const { train, test } = await sg.data.mnist();
const first = (dataset, count) =>
  new sg.data.Subset(
    dataset,
    Array.from({ length: count }, (_, i) => i),
  );
const loader = new sg.data.DataLoader(first(train, 2048), { batchSize: 32, shuffle: true });
const testLoader = new sg.data.DataLoader(first(test, 512), { batchSize: 256 });

const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
const optimizer = new sg.optim.Adam(model.parameters(), { lr: 2e-3 });
const trainer = new sg.train.Trainer(model, {
  optimizer,
  callbacks: [new sg.train.ProgressBar()],
});
const history = await trainer.fit(loader, { epochs: 1, validation: testLoader });

const { accuracy } = await trainer.evaluate(testLoader);
console.log(`test accuracy ${(accuracy * 100).toFixed(1)}%`);

const { loss } = await sg.viz.trainingCurves(history); // SVG text
await sg.io.writeFileAtomic('runs/trainer/loss.svg', loss);
console.log('wrote runs/trainer/loss.svg');

sg.close();
