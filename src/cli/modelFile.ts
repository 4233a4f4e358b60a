import { ArgumentError, DataFormatError, io, models, type data, type nn } from 'shadegrad';

/** What a model file says of itself, so that it can be used again. */
export interface ModelFacts {
  /** Name in `models`. */
  model: string;
  /** Options of its constructor. */
  options: Record<string, unknown>;
  /** Data set that it was trained on. */
  data: string;
  normalization: data.Normalization;
  /** Names of the classes; none in files of versions that did not keep them. */
  classNames: readonly string[];
}

/** A model file that was read and checked, but for the weights' fit to the network. */
export interface StoredModel extends ModelFacts {
  path: string;
  bytes: Uint8Array;
}

/** Writes the weights, with what is needed to use them, to a safetensors file. */
export async function saveModel(path: string, model: nn.Module, facts: ModelFacts): Promise<void> {
  await io.save(path, model.stateDict(), {
    format: 'pt',
    model: facts.model,
    options: JSON.stringify(facts.options),
    data: facts.data,
    normalization: JSON.stringify(facts.normalization),
    classNames: JSON.stringify(facts.classNames),
  });
}

/**
 * Reads a model file; needs no GPU.
 * @throws DataFormatError if the file is damaged or was not written by `shadegrad train`.
 */
export async function readModel(path: string): Promise<StoredModel> {
  const bytes = await io.readFile(path);
  const metadata = io.safetensorsMetadata(bytes, path);
  const { model = '' } = metadata;
  const options = parse(metadata.options);
  const normalization = parse(metadata.normalization);
  const names = parse(metadata.classNames);
  if (!models.names.includes(model) || !isOptions(options) || !isNormalization(normalization)) {
    throw new DataFormatError(
      path,
      'expected metadata with model, options and normalization, as `shadegrad train` writes it, ' +
        `got ${Object.keys(metadata).length > 0 ? JSON.stringify(metadata).slice(0, 80) : 'none'}`,
      undefined,
      'Weights from elsewhere can be used in a program: model.loadStateDict(await sg.io.load(file)).',
    );
  }
  const classNames = Array.isArray(names) ? names.map(String) : [];
  return { path, bytes, model, options, data: metadata.data ?? '', normalization, classNames };
}

/** The network of a model file with its weights, in eval mode. */
export function restoreModel({ path, bytes, model, options }: StoredModel): nn.Module {
  const network = models.create(model, options);
  network.loadStateDict(io.decodeSafetensors(bytes, path));
  return network.eval();
}

/** @throws ArgumentError if a network knows other classes than there are. */
export function checkClasses(
  command: string,
  classNames: readonly string[],
  { classNames: known }: StoredModel,
): void {
  if (known.length === 0 || known.join('\n') === classNames.join('\n')) return;
  const expected = `images of ${known.join(', ')}`;
  throw new ArgumentError(command, expected, `those of ${classNames.join(', ')}`);
}

function parse(text = ''): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isOptions(value: unknown): value is ModelFacts['options'] {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNormalization(value: unknown): value is data.Normalization {
  if (!isOptions(value)) return false;
  return [value.mean, value.std].every(
    (list) => Array.isArray(list) && list.length > 0 && list.every(Number.isFinite),
  );
}
