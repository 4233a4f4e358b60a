import fs from 'node:fs';
import {
  ArgumentError,
  data,
  DataFormatError,
  manualSeed,
  models,
  train,
  type Device,
  type nn,
  type Shape,
  type viz,
} from 'shadegrad';
import { dataNameOf, prepared, readData } from './dataSets.js';
import { readJson } from './json.js';
import { checkClasses, readModel, restoreModel, type StoredModel } from './modelFile.js';
import { rootOfTraining, runFiles, type RunFiles } from './runFolder.js';
import { shellCommand } from './shellCommand.js';
import { EVALUATION_BATCH } from './training.js';

/**
 * A training that has ended, as its folder keeps it: each part is read, or computed, when somebody
 * asks for it, and once.
 */
export class PlottedRun {
  readonly files: RunFiles;
  private readonly parts = new Map<string, Promise<unknown>>();

  /**
   * @param root  Folder of the images, in place of the one that the training had.
   * @param gpu   Opens the GPU.
   * @throws ArgumentError for a folder of no training, or of one that has not ended.
   */
  constructor(
    folder: string,
    private readonly root: string | undefined,
    private readonly gpu: () => Promise<Device>,
  ) {
    this.files = runFiles(folder);
    const { model, history, checkpoint } = this.files;
    if (fs.existsSync(model) && fs.existsSync(history)) return;
    if (fs.existsSync(checkpoint)) {
      const fix = `Finish it: ${shellCommand('train', '--resume', folder)}`;
      throw new ArgumentError('plot', 'a training that has ended', `${folder}, whose has not`, fix);
    }
    const expected =
      'a folder with model.safetensors and history.json, as `shadegrad train` leaves it';
    throw new ArgumentError('plot', expected, folder);
  }

  /** Loss and accuracy by epoch. */
  history(): Promise<viz.TrainingHistory> {
    return this.once('history', async () => {
      const { epochs, steps } = await readJson(this.files.history);
      const valid = (list: unknown): boolean =>
        Array.isArray(list) &&
        list.every((one: { epoch?: unknown } | null) => typeof one?.epoch === 'number');
      if (!valid(epochs) || (steps !== undefined && !valid(steps)) || (epochs as []).length === 0) {
        throw new DataFormatError(this.files.history, 'expected epochs with their figures');
      }
      return { epochs, steps } as viz.TrainingHistory;
    });
  }

  stored(): Promise<StoredModel> {
    return this.once('stored', () => readModel(this.files.model));
  }

  /** C, H and W of the network's input. */
  async input(): Promise<Shape> {
    const { model, options } = await this.stored();
    return models.inputShapeOf(model, options);
  }

  /** The network as it was trained. */
  network(): Promise<nn.Module> {
    return this.once('network', async () => {
      const stored = await this.stored();
      await this.gpu();
      return restoreModel(stored);
    });
  }

  /** The network as the training began with it: made anew from the same seed. */
  untrained(): Promise<nn.Module> {
    return this.once('untrained', async () => {
      const { model, options } = await this.stored();
      const { seed } = await readJson(this.files.config);
      if (typeof seed !== 'number') {
        throw new DataFormatError(this.files.config, 'expected the seed of the training');
      }
      await this.gpu();
      manualSeed(seed);
      return models.create(model, options);
    });
  }

  /** The test images, with what the network needs of them. */
  test(): Promise<data.ImageDataset> {
    return this.once('test', async () => {
      const stored = await this.stored();
      const input = await this.input();
      const root = this.root ?? (await rootOfTraining(this.files));
      const { test } = await readData({ data: dataNameOf(stored), root }, input, this.gpu);
      checkClasses('plot', test.classNames, stored);
      return prepared(test, { input, normalization: stored.normalization });
    });
  }

  /** What the network says of the test images. */
  top(): Promise<train.TopPredictions> {
    return this.once('top', async () => {
      const [test, network] = [await this.test(), await this.network()];
      const loader = new data.DataLoader(test, { batchSize: EVALUATION_BATCH });
      return train.topPredictions(await train.predict(network, loader));
    });
  }

  private once<T>(name: string, make: () => Promise<T>): Promise<T> {
    if (!this.parts.has(name)) this.parts.set(name, make());
    return this.parts.get(name) as Promise<T>;
  }
}
