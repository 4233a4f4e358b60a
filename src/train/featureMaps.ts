import { noGrad } from '../autograd/scope.js';
import { ArgumentError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';
import { enterEvalMode } from '../nn/evalMode.js';
import { withForwardHooks } from '../nn/forwardHooks.js';
import type { Module } from '../nn/index.js';
import type { Tensor } from '../tensor/tensor.js';

/** What a layer returned, as plain numbers. */
export interface FeatureMaps {
  /** Of the output of the layer: (N, C, H, W) of a convolution. */
  shape: Shape;
  data: Float32Array;
}

/**
 * What layers inside a network return for an input, in eval mode and without gradients; the modes
 * are then what they were. A layer that runs several times gives what it returned last.
 *
 * @param layers  Paths of layers, as `summary()` and `namedModules()` have them: `features.0`; a
 *   part with layers of its own, such as `features`, will do too.
 * @returns by path, in the order of `layers`.
 * @throws ArgumentError for a path that the network has not, with those that it has, and for a layer
 *   that does not run.
 *
 * @example
 * const maps = await sg.train.featureMaps(model, image, ['features.0', 'features.3']);
 * await sg.viz.featureMaps({ maps: maps['features.0'], layer: 'features.0' });
 */
export async function featureMaps<Name extends string>(
  model: Module,
  x: Tensor,
  layers: readonly Name[],
): Promise<Record<Name, FeatureMaps>> {
  const modules = model.namedModules();
  const wanted = layers.map((name) => {
    const found = modules.find(([path]) => path === name);
    if (found) return found[1];
    const paths = modules.map(([path]) => path).filter(Boolean);
    throw new ArgumentError('featureMaps', `layers of ${paths.join(', ')}`, `'${name}'`);
  });
  const results = new Map<Module, { shape: Shape; data: Promise<Float32Array> }>();
  const leave = enterEvalMode(model.modules());
  try {
    withForwardHooks(
      [...new Set(wanted)],
      (layer, _, forward) => {
        const y = forward();
        // Asked for at once: what lies between two layers is freed when the next one has run.
        results.set(layer, { shape: y.shape, data: y.data() as Promise<Float32Array> });
        return y;
      },
      () => {
        noGrad(() => void model.forward(x));
      },
    );
  } finally {
    leave();
  }
  const entries = layers.map(async (name, i) => {
    const result = results.get(wanted[i]!);
    if (result) return [name, { shape: result.shape, data: await result.data }] as const;
    throw new ArgumentError('featureMaps', 'layers that forward runs', `'${name}'`);
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<Name, FeatureMaps>;
}
