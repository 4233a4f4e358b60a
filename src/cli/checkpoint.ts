import { DataFormatError, io, models, type data, type nn } from 'shadegrad';

/** What a model file says of itself, so that it can be used again. */
export interface Checkpoint {
  /** Name in `models`. */
  model: string;
  /** Options of its constructor. */
  options: Record<string, unknown>;
  /** Data set that it was trained on. */
  data: string;
  normalization: data.Normalization;
}

/** A model file that was read and checked, but for the weights' fit to the network. */
export interface StoredCheckpoint extends Checkpoint {
  path: string;
  bytes: Uint8Array;
}

/** Writes the weights, with what is needed to use them, to a safetensors file. */
export async function saveCheckpoint(
  path: string,
  model: nn.Module,
  checkpoint: Checkpoint,
): Promise<void> {
  await io.save(path, model.stateDict(), {
    format: 'pt',
    model: checkpoint.model,
    options: JSON.stringify(checkpoint.options),
    data: checkpoint.data,
    normalization: JSON.stringify(checkpoint.normalization),
  });
}

/**
 * Reads a model file; needs no GPU.
 * @throws DataFormatError if the file is damaged or was not written by `shadegrad train`.
 */
export async function readCheckpoint(path: string): Promise<StoredCheckpoint> {
  const bytes = await io.readFile(path);
  const metadata = io.safetensorsMetadata(bytes, path);
  const { model = '' } = metadata;
  const options = parse(metadata.options);
  const normalization = parse(metadata.normalization);
  if (!models.names.includes(model) || !isOptions(options) || !isNormalization(normalization)) {
    throw new DataFormatError(
      path,
      'expected metadata with model, options and normalization, as `shadegrad train` writes it, ' +
        `got ${Object.keys(metadata).length > 0 ? JSON.stringify(metadata).slice(0, 80) : 'none'}`,
      undefined,
      'Weights from elsewhere can be used in a program: model.loadStateDict(await sg.io.load(file)).',
    );
  }
  return { path, bytes, model, options, data: metadata.data ?? '', normalization };
}

/** The network of a model file with its weights, in eval mode. */
export function restore({ path, bytes, model, options }: StoredCheckpoint): nn.Module {
  const network = models.create(model, options);
  network.loadStateDict(io.decodeSafetensors(bytes, path));
  return network.eval();
}

function parse(text = ''): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isOptions(value: unknown): value is Checkpoint['options'] {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNormalization(value: unknown): value is data.Normalization {
  if (!isOptions(value)) return false;
  return [value.mean, value.std].every(
    (list) => Array.isArray(list) && list.length > 0 && list.every(Number.isFinite),
  );
}
