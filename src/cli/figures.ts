import { ArgumentError, data, nn, train, type Shape, type viz } from 'shadegrad';

/** What reports and plots draw of a network and its test images, as plain numbers. */

/** How many images, at most, are shown unless somebody says how many. */
export const SHOWN = 20;

/** The weights of a convolution, as they are now. */
export interface Filters {
  layer: string;
  shape: Shape;
  data: Float32Array;
}

/**
 * The filters of a convolution.
 *
 * @param layer  Its path. Default: the first one.
 * @returns null for a network without one.
 * @throws ArgumentError if `layer` is none.
 */
export async function filtersOf(model: nn.Module, layer?: string): Promise<Filters | null> {
  const convolutions = model
    .namedModules()
    .flatMap(([name, module]) => (module instanceof nn.Conv2d ? [{ name, module }] : []));
  const found =
    layer === undefined ? convolutions[0] : convolutions.find(({ name }) => name === layer);
  if (!found) {
    if (layer === undefined) return null;
    const names = convolutions.map(({ name }) => name).join(', ') || 'none, as there is none';
    throw new ArgumentError('--layer', `a convolution: ${names}`, `'${layer}'`);
  }
  const { weight } = found.module;
  return { layer: found.name, shape: weight.shape, data: (await weight.data()) as Float32Array };
}

/** The first images of a data set, by index. */
export function firstImages({ length }: data.ImageDataset, count: number): number[] {
  return Array.from({ length: Math.min(count, length) }, (_, i) => i);
}

/** Images from all over a data set, with their labels. */
export function samplesOf(
  dataset: data.ImageDataset,
  count: number,
): { images: viz.ImageBatch; labels: number[] } {
  const first = firstImages(dataset, count);
  const indices = first.map((i) => Math.floor((i * dataset.length) / first.length));
  return { images: dataset.imagesAt(indices), labels: indices.map((i) => dataset.labels[i]!) };
}

/** Some test images with what the network says of them. */
export function predictionsOf(
  test: data.ImageDataset,
  { labels, confidences }: train.TopPredictions,
  indices: readonly number[],
): viz.Predictions {
  return {
    images: test.imagesAt(indices),
    trueLabels: indices.map((i) => test.labels[i]!),
    predictedLabels: indices.map((i) => labels[i]!),
    confidences: indices.map((i) => confidences[i]!),
    classNames: test.classNames,
  };
}

/** What a layer makes of one test image. */
export async function featureMapsOf(
  model: nn.Module,
  test: data.ImageDataset,
  image: number,
  layer: string,
): Promise<viz.FeatureMapsOptions> {
  const [x] = new data.DataLoader(new data.Subset(test, [image]), { batchSize: 1 }).sample();
  const { [layer]: maps } = await train.featureMaps(model, x!, [layer]);
  return { maps: maps!, layer, image: test.imagesAt([image]) };
}
