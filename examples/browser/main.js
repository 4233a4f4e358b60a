// LeNet-5 on MNIST in a page. Run `npm run example:browser` and open the address that it prints;
// `?images=6000` behind it takes some of the 60,000 images and is done sooner.
import * as sg from 'shadegrad';

const SHOWN = 20;
const TESTED = 1000;

const element = (id) => document.getElementById(id);
const say = (text) => (element('status').textContent = text);
const percent = (share, digits = 2) => `${(share * 100).toFixed(digits)}%`;
const first = (dataset, count) =>
  new sg.data.Subset(dataset, [...Array(Math.min(count, dataset.length)).keys()]);

try {
  await run();
} catch (error) {
  say(error.message);
  element('status').className = 'failed';
  throw error;
}

async function run() {
  const device = await sg.init({ onNote: console.info });
  const { vendor, architecture, description, software } = device.info;
  const name = description || `${vendor} ${architecture}`;
  element('adapter').textContent = `${name} (${software ? 'software' : 'hardware'})`;

  sg.manualSeed(1);
  const { train, test } = await sg.data.mnist({ root: '/' });
  const { searchParams } = new URL(window.location.href);
  const images = Number(searchParams.get('images') ?? train.length);
  const loader = new sg.data.DataLoader(first(train, images), { batchSize: 64, shuffle: true });
  const testLoader = new sg.data.DataLoader(first(test, TESTED), { batchSize: 250 });

  const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
  const optimizer = new sg.optim.Adam(model.parameters(), { lr: 1e-3 });
  const trainer = new sg.train.Trainer(model, { optimizer, callbacks: [display()] });
  const history = await trainer.fit(loader, { epochs: 1, validation: testLoader });

  await showCurves(history);
  element('predictions').innerHTML = await predictions(test, await trainer.predict(testLoader));
  const { accuracy } = await trainer.evaluate(testLoader);
  say(`test accuracy ${percent(accuracy)}`);
}

/** A callback of the Trainer that shows in the page how training goes. */
function display() {
  const steps = [];
  let drawing = false;
  return {
    onCompile: (done, total) => say(`Compiling shaders: ${done} of ${total}`),
    onTrainBegin: ({ batches }) => (element('progress').max = batches),
    onBatchEnd: (_epoch, batch) => (element('progress').value = batch),
    async onStep(step) {
      steps.push(step);
      say(`loss ${step.loss.toFixed(3)}, accuracy ${percent(step.accuracy, 1)}`);
      if (drawing) return;
      drawing = true;
      await showCurves({ epochs: steps, steps });
      drawing = false;
    },
  };
}

async function showCurves(history) {
  const { loss, accuracy } = await sg.viz.trainingCurves(history);
  element('curves').innerHTML = loss + accuracy;
}

/** The first test images with the network's answers, as SVG. */
async function predictions(test, { shape: [, classes], data }) {
  const rows = Array.from({ length: SHOWN }, (_, i) =>
    data.subarray(i * classes, (i + 1) * classes),
  );
  const confidences = rows.map((row) => Math.max(...row));
  const cards = await sg.viz.predictionCards({
    images: { data: test.images.subarray(0, SHOWN * 28 * 28), shape: [SHOWN, 1, 28, 28] },
    trueLabels: test.labels.subarray(0, SHOWN),
    predictedLabels: rows.map((row, i) => row.indexOf(confidences[i])),
    confidences,
  });
  return cards.join('');
}
