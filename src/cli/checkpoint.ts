import { data, DataFormatError, io, models, type nn } from 'shadegrad';

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
 * Builds the network of a model file and loads its weights.
 * @throws DataFormatError if the file is damaged or was not written by `shadegrad train`.
 */
export async function loadCheckpoint(path: string): Promise<Checkpoint & { network: nn.Module }> {
  const bytes = await io.readFile(path);
  const metadata = io.safetensorsMetadata(bytes, path);
  const checkpoint: Checkpoint = {
    model: metadata.model ?? '',
    options: parse(path, metadata, 'options') as Checkpoint['options'],
    data: metadata.data ?? '',
    normalization: parse(path, metadata, 'normalization') as data.Normalization,
  };
  const network = models.create(checkpoint.model, checkpoint.options);
  network.loadStateDict(io.decodeSafetensors(bytes, path));
  return { ...checkpoint, network: network.eval() };
}

function parse(path: string, metadata: io.Metadata, key: string): unknown {
  try {
    return JSON.parse(metadata[key] ?? '');
  } catch {
    throw new DataFormatError(
      path,
      `expected metadata "${key}" as shadegrad train writes it, got ${JSON.stringify(metadata[key])}`,
      undefined,
      'Load weights of other programs with sg.io.load and model.loadStateDict.',
    );
  }
}
