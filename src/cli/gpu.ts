import { init, type Device } from 'shadegrad';
import type { GlobalOptions } from './options.js';

/** Opens the GPU; notes go to standard error, so that standard output has results alone. */
export async function openGpu({ debug }: GlobalOptions): Promise<Device> {
  return init({ debug, onNote: (note) => console.error(note) });
}

/** A function that opens the GPU at its first call. */
export function gpuOpener(options: GlobalOptions): () => Promise<Device> {
  let opened: Promise<Device> | undefined;
  return () => (opened ??= openGpu(options));
}

/** One line on the adapter: `SwiftShader driver 5.0.0 (google, software)`. */
export function adapterLine({ info }: Device): string {
  const name = info.description || info.architecture || 'unknown adapter';
  return `${name} (${info.vendor || 'unknown vendor'}, ${info.software ? 'software' : 'hardware'})`;
}
