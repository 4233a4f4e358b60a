import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { blobModel, blobs } from '../support/blobs.js';
import { tidyTest } from '../support/tidyTest.js';

const { F1Score, Precision, Recall, TopKAccuracy } = sg.train;

// As in report.test.ts: scikit-learn's values for these.
const EXPECTED = [0, 1, 2, 2, 1, 0, 3, 3, 2, 2, 0, 1];
const PREDICTED = [0, 2, 2, 2, 1, 0, 2, 0, 1, 2, 0, 1];

/** Adds them in batches of 5. */
function addAll(metric: sg.train.MetricCounter): void {
  for (let i = 0; i < EXPECTED.length; i += 5) {
    const predicted = sg.tensor(PREDICTED.slice(i, i + 5), { dtype: 'i32' });
    const logits = sg.nn.functional.oneHot(predicted, 5).to('f32');
    metric.add(logits, sg.tensor(EXPECTED.slice(i, i + 5), { dtype: 'i32' }));
  }
}

describe('precision, recall and F1', () => {
  tidyTest('are those of scikit-learn', async () => {
    const cases = [
      [new Precision(), 0.4033333333333333],
      [new Recall(), 0.4833333333333333],
      [new F1Score(), 0.43809523809523804],
      [new Precision({ average: 'weighted', zeroDivision: 1 }), 0.7208333333333333],
      [new F1Score({ average: 'weighted' }), 0.6031746031746031],
      [new Recall({ average: 'micro' }), 2 / 3],
      [new Precision({ zeroDivision: NaN }), 0.6722222222222222],
    ] as const;
    for (const [metric, value] of cases) {
      for (let pass = 0; pass < 2; pass++) {
        const counter = metric.start();
        addAll(counter);
        expect(await counter.read()).toBeCloseTo(value, 12);
        counter.dispose();
      }
    }
    expect(cases.map(([{ name }]) => name).slice(0, 3)).toEqual(['precision', 'recall', 'f1']);
    expect(new F1Score({ name: 'macroF1' }).name).toBe('macroF1');
  });
});

describe('top-k accuracy', () => {
  tidyTest('is that of scikit-learn', async () => {
    // top_k_accuracy_score([0, 1, 2, 2, 0], scores, k=k, labels=[0, 1, 2]) is 0.4 and 0.6
    const scores = sg.tensor([
      [0.5, 0.2, 0.2],
      [0.3, 0.4, 0.2],
      [0.2, 0.4, 0.3],
      [0.7, 0.2, 0.1],
      [0.1, 0.5, 0.4],
    ]);
    const target = sg.tensor([0, 1, 2, 2, 0], { dtype: 'i32' });
    for (const [k, value] of [
      [1, 0.4],
      [2, 0.6],
      [3, 1],
    ] as const) {
      const metric = new TopKAccuracy(k);
      expect(metric.name).toBe(`top${k}Accuracy`);
      const counter = metric.start();
      expect(await counter.read()).toBeNaN();
      counter.add(scores, target);
      expect(await counter.read()).toBeCloseTo(value, 7);
      counter.dispose();
    }
  });

  test.each([0, -1, 1.5])('refuses k = %s', (k) => {
    expect(() => new TopKAccuracy(k)).toThrow('TopKAccuracy: expected k of 1 or more');
  });

  tidyTest('refuses shapes that do not belong together', () => {
    const counter = new TopKAccuracy(1).start();
    for (const [a, b] of [
      [[3, 2], [2]],
      [
        [3, 2],
        [3, 1],
      ],
      [[3], [3]],
      [[3, 0], [3]],
    ] as const) {
      expect(() => counter.add(sg.zeros(a), sg.zeros(b))).toThrow(
        'TopKAccuracy: expected logits (N, C) and target (N) or (N, C), got',
      );
    }
  });
});

describe('in a Trainer', () => {
  test.each([true, false])('with capture %s, of training and validation data', async (capture) => {
    const [train, held] = [blobs(93), blobs(31, 2)];
    const model = blobModel();
    const optimizer = new sg.optim.Adam(model.parameters(), { lr: 0.05 });
    const loader = new sg.data.DataLoader(train, { batchSize: 10, shuffle: true, seed: 3 });
    const validation = new sg.data.DataLoader(held, { batchSize: 8 });
    const metrics = [new TopKAccuracy(1), new TopKAccuracy(3), new F1Score({ average: 'micro' })];
    const trainer = new sg.train.Trainer(model, { optimizer, metrics, capture });
    const { epochs } = await trainer.fit(loader, { epochs: 3, validation });
    for (const { accuracy, valAccuracy, metrics: figures } of epochs) {
      expect(Object.keys(figures!).sort()).toEqual(
        [
          'top1Accuracy',
          'top3Accuracy',
          'f1',
          'valTop1Accuracy',
          'valTop3Accuracy',
          'valF1',
        ].sort(),
      );
      expect(figures!.top1Accuracy).toBeCloseTo(accuracy, 12);
      expect(figures!.f1).toBeCloseTo(accuracy, 12);
      expect(figures!.valTop1Accuracy).toBeCloseTo(valAccuracy!, 12);
      expect(figures!.top3Accuracy).toBe(1);
      expect(figures!.valTop3Accuracy).toBe(1);
    }
    expect(epochs[0]!.accuracy).toBeLessThan(1);

    const { metrics: tested, report } = await trainer.evaluate(validation, {
      metrics: [new Recall()],
      report: true,
    });
    const { shape, data } = await trainer.predict(validation);
    const best = sg.tidy(() => sg.tensor(data, { shape }).argmax(1));
    const labels = (await held.tensors[1]!.data()) as Int32Array;
    const matrix = sg.train.confusionMatrix((await best.data()) as Int32Array, labels, 3);
    expect(report!.confusionMatrix).toEqual(matrix);
    expect(report).toEqual(sg.train.classificationReport(matrix, 3));
    expect(tested!.recall).toBe(report!.macro.recall);
    expect(tested!.top1Accuracy).toBe(report!.accuracy);
    sg.tidy(() => model.parameters()[0]!.sum().backward());
    for (const one of [train, held, optimizer, model, best]) one.dispose();
  });

  test('may be your own, and an evaluation within an epoch leaves them alone', async () => {
    const [train, held] = [blobs(90), blobs(31, 2)];
    const model = blobModel();
    const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
    const of = (data: sg.data.TensorDataset) => new sg.data.DataLoader(data, { batchSize: 10 });
    let passes = 0;
    const own: sg.train.Metric = {
      name: 'passes',
      start: () => ({ add: () => {}, read: () => Promise.resolve(++passes), dispose: () => {} }),
    };
    const trainer: sg.train.Trainer = new sg.train.Trainer(model, {
      optimizer,
      metrics: [own, new TopKAccuracy(1)],
      callbacks: [{ onStep: () => trainer.evaluate(of(held)).then(() => undefined) }],
    });
    const { epochs } = await trainer.fit(of(train));
    expect(epochs[0]!.metrics!.passes).toBe(10);
    expect(epochs[0]!.metrics!.top1Accuracy).toBeCloseTo(epochs[0]!.accuracy, 12);
    sg.tidy(() => model.parameters()[0]!.sum().backward());
    for (const one of [train, held, optimizer, model]) one.dispose();
  });

  test('have names of their own', () => {
    const model = blobModel();
    const optimizer = new sg.optim.SGD(model.parameters(), { lr: 1 });
    const metrics = [new F1Score(), new F1Score({ average: 'micro' })];
    expect(() => new sg.train.Trainer(model, { optimizer, metrics })).toThrow(
      'Trainer: expected metrics of different names, got f1, f1',
    );
    model.dispose();
  });
});
