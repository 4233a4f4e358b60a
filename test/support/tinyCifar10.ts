/** A data set in the form of CIFAR-10, of a few records. */
import { CIFAR10 } from '../../src/data/cifar10.js';

const RECORD_BYTES = 3073;

/** Records whose pixels count up from their label, which is `first` and those after it. */
export function cifar10Records(count: number, first = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count * RECORD_BYTES);
  for (let i = 0; i < count; i++) {
    const label = (first + i) % 10;
    for (let k = 0; k < RECORD_BYTES; k++)
      bytes[i * RECORD_BYTES + k] = k === 0 ? label : label + k;
  }
  return bytes;
}

/** The six files by their names: batch b has 2 records, of labels 2b and 2b + 1; the test batch has 3. */
export function tinyCifar10(): Record<string, Uint8Array<ArrayBuffer>> {
  return Object.fromEntries(
    Object.values(CIFAR10.files).map((name, b) => [name, cifar10Records(b < 5 ? 2 : 3, 2 * b)]),
  );
}
