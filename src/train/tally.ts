import ranking from '../../shaders/ranking.wgsl';
import source from '../../shaders/tally.wgsl';
import threads from '../../shaders/threads.wgsl';
import { fill } from '../autograd/kernels/fill.js';
import { inParts } from '../autograd/kernels/parts.js';
import { currentDevice } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkPredictions, predictionFlags } from './outcomes.js';

const shader = defineShader({
  name: 'tally',
  source,
  params: { rows: 'u32', classes: 'u32' },
  flags: ['SHARES', 'HALF_LOSS', 'HALF_LOGITS', 'HALF_TARGET'],
  includes: { ranking, threads },
});

/** Sums over the examples of a pass, or of a part of one. */
export interface Totals {
  lossSum: number;
  examples: number;
  right: number;
}

export function means({ lossSum, examples, right }: Totals): { loss: number; accuracy: number } {
  return { loss: lossSum / examples, accuracy: right / examples };
}

/** Running totals of loss and accuracy on the GPU, so that no batch waits for a readback. */
export class Tally {
  /** The bits of the sum of losses, which is of f32; examples; those predicted right. */
  private readonly totals: GpuArray;

  constructor() {
    this.totals = fill(GpuArray.empty([3], 'u32', currentDevice()), 0);
  }

  /**
   * One dispatch.
   *
   * @param loss    A scalar: the mean over the batch.
   * @param logits  (N, C), the largest of a row being the prediction.
   * @param target  (N) class indices, or (N, C) probabilities.
   * @throws ShapeError for other shapes.
   */
  add(loss: Tensor, logits: Tensor, target: Tensor): void {
    const [rows, classes] = logits.shape as [number, number];
    checkPredictions('Tally.add', logits, target);
    inParts({ outer: rows }, [logits.array, target.array], [], ({ outer, inputs }) =>
      launch(shader, 'add', {
        inputs: [loss.array, ...inputs],
        outputs: [this.totals],
        params: { rows: outer, classes },
        flags: { HALF_LOSS: loss.dtype === 'f16', ...predictionFlags(logits, target) },
        threads: outer,
      }),
    );
  }

  async read(): Promise<Totals> {
    const words = (await this.totals.read()) as Uint32Array;
    const [lossSum] = new Float32Array(words.buffer, words.byteOffset, 1);
    return { lossSum: lossSum!, examples: words[1]!, right: words[2]! };
  }

  /** Goes on from what `read()` gave. */
  load({ lossSum, examples, right }: Totals): void {
    const words = Uint32Array.of(0, examples, right);
    new Float32Array(words.buffer, 0, 1)[0] = lossSum;
    this.totals.write(words);
  }

  dispose(): void {
    this.totals.release();
  }
}
