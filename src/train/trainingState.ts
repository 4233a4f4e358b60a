/** All that training needs to go on later, and the file that it is kept in. */
import type { DataLoaderState } from '../data/dataLoader.js';
import { decodeSafetensors, encodeSafetensors, readFile, safetensorsMetadata } from '../data/io.js';
import { DataFormatError } from '../errors.js';
import type { GradScalerState } from '../optim/gradScaler.js';
import type { GeneratorState } from '../random/generator.js';
import type { Tensor } from '../tensor/tensor.js';
import type { History } from './history.js';
import type { PassState } from './pass.js';

/** A training at a moment. */
export interface TrainingState {
  values: TrainingValues;
  /**
   * The live ones, by key: `model.` and a key of the state dict; `optimizer.`, the parameter's place
   * and the name of what is remembered of it; `callbacks.`, the callback's place and a key.
   */
  tensors: Readonly<Record<string, Tensor>>;
}

/** What is not a tensor, as plain data. */
export interface TrainingValues {
  /** What it was made with, in words: another training cannot take it. */
  made: Readonly<Record<string, string | number>>;
  /** Epochs that are over. */
  epochs: number;
  updates: number;
  /** Whether a callback ended it, so that there is nothing to go on with. */
  ended: boolean;
  history: History;
  /** Of the epoch under way; null between epochs. */
  pass: PassState | null;
  loader: DataLoaderState;
  /** Of the loader to validate with; null where there is none. */
  validation: DataLoaderState | null;
  /** Of the generator that `manualSeed` seeds. */
  generator: GeneratorState;
  optimizer: { steps: Readonly<Record<string, number>>; paramGroups: object[] };
  scaler: Partial<GradScalerState> | null;
  /** Of those that remember something, in their order. */
  callbacks: readonly unknown[];
}

/** The key of the metadata that the values stand under. */
const KEY = 'shadegrad.training';

/**
 * The bytes of a safetensors file with a state, read back from the GPU.
 *
 * @example
 * const keep: Callback = {
 *   async onCheckpoint(at, context) {
 *     if (at === 'epoch') await store(await encodeTrainingState(await context.state()));
 *   },
 * };
 */
export function encodeTrainingState({ values, tensors }: TrainingState): Promise<Uint8Array> {
  return encodeSafetensors(tensors, { format: 'pt', [KEY]: JSON.stringify(values, encodeNumber) });
}

/**
 * What is in such a file but for the tensors.
 *
 * @param file  Named in errors.
 * @throws DataFormatError  It is damaged, or not of a training.
 */
export function trainingValuesIn(bytes: Uint8Array, file = 'the checkpoint'): TrainingValues {
  const text = safetensorsMetadata(bytes, file)[KEY];
  if (text === undefined) {
    const fix = 'Weights alone are loaded with model.loadStateDict().';
    throw new DataFormatError(file, 'expected the state of a training, got none', undefined, fix);
  }
  return JSON.parse(text, decodeNumber) as TrainingValues;
}

/**
 * Reads such a file.
 *
 * @param source  Its bytes; or its path in Node, its URL in browsers.
 * @throws DataFormatError  It is damaged, or not of a training.
 */
export async function readTrainingState(source: string | Uint8Array): Promise<TrainingState> {
  const file = typeof source === 'string' ? source : undefined;
  const bytes = typeof source === 'string' ? await readFile(source) : source;
  const values = trainingValuesIn(bytes, file);
  return { values, tensors: decodeSafetensors(bytes, file, { keepHalf: true }) };
}

/** The one key of an object that stands for a number which JSON has not. */
const NUMBER = '$number';

function encodeNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? { [NUMBER]: String(value) } : value;
}

function decodeNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const text = (value as Record<string, unknown>)[NUMBER];
  return typeof text === 'string' && Object.keys(value).length === 1 ? Number(text) : value;
}
