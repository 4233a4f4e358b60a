import * as sg from 'shadegrad';

const { BatchNorm2d, Conv2d, Linear } = sg.nn;

/** How many times as narrow a layer of `narrow` is. */
export const NARROWER = 8;

/** A width that is a multiple of eight is an eighth; colours and few classes stay. */
const eighth = (width: number): number => (width % NARROWER === 0 ? width / NARROWER : width);

/**
 * The network that `make` makes, of the same layers with the same settings, an eighth as wide: of
 * convolutions and dense layers a 64th of the numbers and of the work. PyTorch's initial values.
 */
export function narrow<M extends sg.nn.Module>(make: () => M): M {
  const model = sg.meta(make);
  for (const [path, layer] of model.namedModules()) {
    const other = narrowLayer(layer);
    if (other) model.setSubmodule(path, other);
  }
  return model;
}

function narrowLayer(layer: sg.nn.Module): sg.nn.Module | null {
  if (layer instanceof BatchNorm2d) {
    const { numFeatures, eps, momentum } = layer;
    return new BatchNorm2d(eighth(numFeatures), { eps, momentum });
  }
  if (layer instanceof Linear) {
    const { inFeatures, outFeatures, bias } = layer;
    return new Linear(eighth(inFeatures), eighth(outFeatures), { bias: bias !== null });
  }
  if (layer instanceof Conv2d) {
    const { inChannels, outChannels, kernelSize, bias } = layer;
    const { options } = layer as unknown as { options: sg.nn.Conv2dLayerOptions };
    const all = { ...options, bias: bias !== null };
    return new Conv2d(eighth(inChannels), eighth(outChannels), kernelSize, all);
  }
  return null;
}
