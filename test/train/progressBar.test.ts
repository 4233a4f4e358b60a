import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

const onTerminal = typeof process !== 'undefined' && process.stdout?.isTTY;

/** The lines for `batches` batches an epoch, each of them measured. */
async function linesOf(batches: number, epochs = 1, validation = true): Promise<string[]> {
  const lines: string[] = [];
  const bar = new sg.train.ProgressBar({ log: (line) => lines.push(line) });
  await bar.onTrainBegin({ epochs, batches, examples: 10 * batches });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    bar.onEpochBegin(epoch, { batch: 0 } as sg.train.TrainingContext);
    for (let batch = 1; batch <= batches; batch++) {
      bar.onBatchEnd(epoch, batch);
      const step = (epoch - 1) * batches + batch;
      bar.onStep({ step, epoch: epoch - 1 + batch / batches, loss: 1 / step, accuracy: 0.5 });
    }
    bar.onEpochEnd({
      epoch,
      loss: 0.12345,
      accuracy: 0.98765,
      ...(validation ? { valLoss: 0.2, valAccuracy: 0.9 } : {}),
      seconds: 61.4,
      examplesPerSecond: 100,
    });
  }
  return lines;
}

describe.skipIf(onTerminal)('without a terminal', () => {
  test('says four times an epoch how it goes, and at the end how it went', async () => {
    const lines = await linesOf(100, 2);
    expect(lines).toHaveLength(2 * 5);
    expect(lines.slice(0, 4).map((line) => line.replace(/\d+ images/, 'N images'))).toEqual([
      'epoch 1/2  20%  loss 0.0500  accuracy 50.00%  N images/s',
      'epoch 1/2  40%  loss 0.0250  accuracy 50.00%  N images/s',
      'epoch 1/2  60%  loss 0.0167  accuracy 50.00%  N images/s',
      'epoch 1/2  80%  loss 0.0125  accuracy 50.00%  N images/s',
    ]);
    expect(lines[4]).toBe(
      'epoch 1/2  loss 0.1235  accuracy 98.77%  validation loss 0.2000  accuracy 90.00%  61 s',
    );
    expect(lines[9]).toMatch(/^epoch 2\/2 {2}loss/);
  });

  test.each([1, 2, 3, 4, 5, 7, 25, 50])(
    'says no more than that for %i batches',
    async (batches) => {
      const lines = await linesOf(batches, 1, false);
      expect(lines.length).toBeLessThanOrEqual(5);
      expect(lines.length).toBeGreaterThanOrEqual(Math.min(batches, 5));
      expect(lines.at(-1)).toBe('epoch 1/1  loss 0.1235  accuracy 98.77%  61 s');
    },
  );

  test('writes to the console by default', async () => {
    const bar = new sg.train.ProgressBar();
    bar.onFailure();
    await bar.onTrainBegin({ epochs: 1, batches: 1, examples: 1 });
    bar.onFailure();
  });
});
