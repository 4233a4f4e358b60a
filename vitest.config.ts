import { playwright } from '@vitest/browser-playwright';
import { fileURLToPath } from 'node:url';
import {
  defineConfig,
  type TestProjectInlineConfiguration,
  type ViteUserConfig,
} from 'vitest/config';
import { chromiumLaunchOptions } from './test/setup/chromium.js';
import { ClosingFirst } from './test/setup/closingFirst.js';
import { safetensorsPlugin } from './test/setup/safetensorsPlugin.js';
import { OpsReporter } from './test/setup/opsReporter.js';
import { SummaryReporter } from './test/setup/summaryReporter.js';
import { tutorialPlugin } from './test/setup/tutorialPlugin.js';
import { textPlugin } from './test/setup/textPlugin.js';

const TWO_MINUTES = 120_000;

/**
 * What runs in Chromium each time. Its Dawn, compiler and adapter are those of Node, so most tests
 * would only repeat themselves there: these are what it can do otherwise, such as limits, readbacks,
 * fetch, caches and bundled packages, every pipeline, and whole networks.
 */
const IN_CHROMIUM = [
  'test/**/*.browser.test.ts',
  'test/{gpu,shaders}/*.test.ts',
  'test/golden/{ops,lenet5}.test.ts',
  'test/examples/tutorials.test.ts',
  'test/data/{dataLoader,download,gzip,image,io,safetensors}.test.ts',
  'test/tensor/{capture,print}.test.ts',
  'test/train/trainer.test.ts',
  'test/viz/{charts,report}.test.ts',
];

/** Files that run in Node in `npm run test:all` alone; the first runs in Chromium each time. */
const IN_NODE_ONLY_IN_ALL = [
  'test/shaders/everyPipeline.test.ts',
  'test/golden/torchvisionAlexnet.node.test.ts',
];

// Files named *.node.test.ts (files, the command line) run in Node alone, and *.browser.test.ts in
// Chromium alone.
// `npm run test:all` has the mode `all`: every file in both runtimes, and every case.
export default defineConfig(async ({ mode }): Promise<ViteUserConfig> => ({
  plugins: [textPlugin(), safetensorsPlugin(), tutorialPlugin()],
  // Found within functions, these would be bundled, and the page reloaded, in the middle of a run.
  optimizeDeps: {
    include: [
      'echarts/core',
      'echarts/charts',
      'echarts/components',
      'echarts/renderers',
      'fast-check',
      'fast-png',
      'jpeg-js',
      'nanotar',
    ],
  },
  resolve: { alias: { shadegrad: fileURLToPath(new URL('src/index.ts', import.meta.url)) } },
  test: {
    setupFiles: ['test/setup/device.ts'],
    testTimeout: TWO_MINUTES,
    hookTimeout: TWO_MINUTES,
    // Kernels on a software adapter use every core, so more workers only wait for each other.
    maxWorkers: 2,
    sequence: { sequencer: ClosingFirst },
    reporters: ['default', new OpsReporter(), new SummaryReporter()],
    projects: [
      {
        extends: true,
        mode,
        test: {
          name: 'node',
          environment: 'node',
          globalSetup: ['test/setup/builtPackages.ts'],
          include: ['test/**/*.test.ts'],
          pool: 'forks',
          // Files share a process, its device and the pipelines that are compiled for it.
          isolate: false,
          exclude: ['test/**/*.browser.test.ts', ...(mode === 'all' ? [] : IN_NODE_ONLY_IN_ALL)],
        },
      },
      ...(process.env.SHADEGRAD_MUTATION ? [] : [await chromiumProject(mode)]),
    ],
  },
}));

/** Left out where one mutation after the other is run in Node: it costs each a second to set up. */
async function chromiumProject(mode: string): Promise<TestProjectInlineConfiguration> {
  return {
    extends: true,
    mode,
    test: {
      include: mode === 'all' ? ['test/**/*.test.ts'] : IN_CHROMIUM,
      exclude: ['test/**/*.node.test.ts'],
      globalSetup: ['test/setup/fileServer.ts'],
      browser: {
        enabled: true,
        headless: true,
        isolate: false,
        fileParallelism: false,
        screenshotFailures: false,
        provider: playwright({ launchOptions: await chromiumLaunchOptions() }),
        instances: [{ browser: 'chromium', name: 'chromium' }],
      },
    },
  };
}
