import type { Plugin } from 'vite';

/** Lets `import source from './kernel.wgsl'` give the file's text, as the build does. */
export function wgslPlugin(): Plugin {
  return {
    name: 'wgsl-as-text',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith('.wgsl')) return undefined;
      return { code: `export default ${JSON.stringify(code)};`, map: null };
    },
  };
}
