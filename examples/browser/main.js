// LeNet-5 on MNIST in a page. Run `npm run example:browser` and open the address that it prints.
import * as sg from 'shadegrad';

const show = (id, text) => (document.getElementById(id).textContent = text);
const parameters = new URLSearchParams(location.search);
const trainingImages = Number(parameters.get('images') ?? 60_000);

/** Shows the progress in the page; a callback has any of these methods. */
const display = {
  onCompile: (done, total) => show('status', `compiling kernels: ${done} of ${total}`),
  onTrainBegin: ({ batches }) => (document.getElementById('progress').max = batches),
  onBatchEnd: (_epoch, batch) => (document.getElementById('progress').value = batch),
  onStep: ({ loss, accuracy }) =>
    show('status', `loss ${loss.toFixed(3)}, accuracy ${(accuracy * 100).toFixed(1)}%`),
};

try {
  const device = await sg.init({ onNote: console.warn });
  const { vendor, architecture, description, software } = device.info;
  const name = description || `${vendor} ${architecture}`;
  show('adapter', `${name} (${software ? 'software' : 'hardware'})`);

  sg.manualSeed(1);
  const { train, test } = await sg.data.mnist({ root: '/mnist/' });
  const part = Array.from({ length: Math.min(trainingImages, train.length) }, (_, i) => i);
  const loader = new sg.data.DataLoader(new sg.data.Subset(train, part), {
    batchSize: 64,
    shuffle: true,
  });
  const shown = new sg.data.Subset(test, [...Array(1000).keys()]);
  const testLoader = new sg.data.DataLoader(shown, { batchSize: 250 });

  const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
  const optimizer = new sg.optim.Adam(model.parameters(), { lr: 1e-3 });
  const trainer = new sg.train.Trainer(model, { optimizer, callbacks: [display] });
  const history = await trainer.fit(loader, { epochs: 1, validation: testLoader });

  const { loss } = await sg.viz.trainingCurves(history);
  document.getElementById('curves').innerHTML = loss;
  const { shape, data } = await trainer.predict(testLoader);
  document.getElementById('predictions').innerHTML = await predictions(test, shape[1], data);
  const { accuracy } = await trainer.evaluate(testLoader);
  show('status', `test accuracy ${(accuracy * 100).toFixed(2)}%`);
} catch (error) {
  show('status', error.message);
  throw error;
}

/** The first ten test images with what the network says of them. */
function predictions(test, classes, probabilities) {
  const rows = Array.from({ length: 10 }, (_, i) =>
    probabilities.subarray(i * classes, (i + 1) * classes),
  );
  const confidences = rows.map((row) => Math.max(...row));
  return sg.viz.predictionGrid({
    images: { data: test.images.subarray(0, 10 * 784), shape: [10, 1, 28, 28] },
    trueLabels: test.labels.subarray(0, 10),
    predictedLabels: rows.map((row, i) => row.indexOf(confidences[i])),
    confidences,
  });
}
