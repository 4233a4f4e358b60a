/**
 * Adapters that want the same kernels: Mesa's lavapipe, which compiles to vector code, the other
 * software ones, such as SwiftShader, and GPUs by their maker.
 */
export type AdapterClass =
  'software' | 'lavapipe' | 'apple' | 'nvidia' | 'amd' | 'intel' | 'qualcomm' | 'unknown';

/** What marks a class in the words of an adapter. */
const MARKS: readonly [AdapterClass, RegExp][] = [
  ['lavapipe', /llvmpipe|lavapipe/i],
  ['apple', /apple|metal-3/i],
  ['nvidia', /nvidia|geforce|quadro|tesla/i],
  ['amd', /\bamd\b|radeon|\bati\b|rdna|gcn/i],
  ['intel', /intel|\barc\b|xe-|gen-\d/i],
  ['qualcomm', /qualcomm|adreno/i],
];

/** The class of an adapter. Browsers may hide all but the vendor, and that too: 'unknown' then. */
export function adapterClassOf(info: {
  vendor: string;
  architecture: string;
  description: string;
  software: boolean;
}): AdapterClass {
  const words = `${info.vendor} ${info.architecture} ${info.description}`;
  const found = MARKS.find(([, mark]) => mark.test(words))?.[0];
  if (info.software) return found === 'lavapipe' ? found : 'software';
  return found ?? 'unknown';
}
