import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

/** Lets `import bytes from './weights.safetensors'` give the file's bytes, in a browser too. */
export function safetensorsPlugin(): Plugin {
  return {
    name: 'safetensors-as-bytes',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('.safetensors')) return undefined;
      const base64 = readFileSync(id).toString('base64');
      const code = `export default Uint8Array.from(atob('${base64}'), (c) => c.charCodeAt(0));`;
      return { code, map: null };
    },
  };
}
