import source from '../../shaders/tally.wgsl';
import { fill } from '../autograd/kernels/fill.js';
import { noGrad } from '../autograd/scope.js';
import { currentDevice } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import type { Tensor } from '../tensor/tensor.js';

const shader = defineShader({ name: 'tally', source, params: { batchSize: 'u32' } });

/** Sums over the examples of a pass, or of a part of one. */
export interface Totals {
  lossSum: number;
  examples: number;
  right: number;
}

export function means({ lossSum, examples, right }: Totals): { loss: number; accuracy: number } {
  return { loss: lossSum / examples, accuracy: right / examples };
}

/**
 * Running totals of loss and accuracy on the GPU, so that no batch waits for a readback. f32 counts
 * are exact up to 16.7 million examples.
 */
export class Tally {
  private readonly totals: GpuArray;

  constructor() {
    this.totals = fill(GpuArray.empty([3], 'f32', currentDevice()), 0);
  }

  /**
   * @param loss    A scalar: the mean over the batch.
   * @param logits  (N, C), the largest of a row being the prediction.
   * @param target  (N) class indices, or (N, C) probabilities.
   */
  add(loss: Tensor, logits: Tensor, target: Tensor): void {
    noGrad(() => {
      const predicted = logits.argmax(1);
      const expected = target.ndim === 2 ? target.argmax(1) : target;
      launch(shader, 'add', {
        inputs: [loss.array, predicted.array, expected.array],
        outputs: [this.totals],
        params: { batchSize: predicted.numel },
        workgroups: [1, 1, 1],
      });
    });
  }

  async read(): Promise<Totals> {
    const [lossSum, examples, right] = (await this.totals.read()) as Float32Array;
    return { lossSum: lossSum!, examples: examples!, right: right! };
  }

  reset(): void {
    fill(this.totals, 0);
  }

  dispose(): void {
    this.totals.release();
  }
}
