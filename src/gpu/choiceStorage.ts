import type { Device } from './device.js';
import { readCacheFile, writeCacheFile } from './nodePackages.js';
import { isNode } from './runtime.js';

/** Kernels that `tune()` found, kept for later processes: a file in Node, `localStorage` in browsers. */

/** The same for the same adapter and driver: some describe the driver with its version. */
function nameFor({ info }: Device): string {
  const words = [info.vendor, info.architecture, info.description].join(' ');
  return `kernels-${words.toLowerCase().replace(/[^a-z0-9.]+/g, '-')}.json`;
}

function browserStorage(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // a page that may not store anything
  }
}

/** Has the device use what was stored for its adapter; what cannot be read is as if it were not there. */
export function loadChoices(device: Device): void {
  const name = nameFor(device);
  const text = isNode() ? readCacheFile(name) : browserStorage()?.getItem(`shadegrad/${name}`);
  if (!text) return;
  try {
    const stored = JSON.parse(text) as Record<string, unknown>;
    for (const [work, variant] of Object.entries(stored)) {
      if (typeof variant === 'string') device.choices.tuned.set(work, variant);
    }
  } catch {
    // A file that is no JSON: the next tune() writes it anew.
  }
}

/** Stores what the device uses for its adapter, beside what is stored already. */
export function storeChoices(device: Device): void {
  const name = nameFor(device);
  const text = JSON.stringify(Object.fromEntries(device.choices.tuned), null, 1);
  if (isNode()) writeCacheFile(name, text);
  else browserStorage()?.setItem(`shadegrad/${name}`, text);
}
