import { playwright } from '@vitest/browser-playwright';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { chromiumLaunchOptions } from './test/setup/chromium.js';
import { safetensorsPlugin } from './test/setup/safetensorsPlugin.js';
import { OpsReporter } from './test/setup/opsReporter.js';
import { SummaryReporter } from './test/setup/summaryReporter.js';
import { tutorialPlugin } from './test/setup/tutorialPlugin.js';
import { wgslPlugin } from './test/setup/wgslPlugin.js';

const TWO_MINUTES = 120_000;

// The same files run in Node and in Chromium, but for those named *.node.test.ts (files, the
// command line) and *.browser.test.ts.
export default defineConfig({
  plugins: [wgslPlugin(), safetensorsPlugin(), tutorialPlugin()],
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
    include: ['test/**/*.test.ts'],
    testTimeout: TWO_MINUTES,
    hookTimeout: TWO_MINUTES,
    // Kernels on a software adapter use every core, so more workers only wait for each other.
    maxWorkers: 2,
    reporters: ['default', new OpsReporter(), new SummaryReporter()],
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          environment: 'node',
          pool: 'forks',
          exclude: ['test/**/*.browser.test.ts'],
        },
      },
      ...(process.env.SHADEGRAD_MUTATION ? [] : [await chromiumProject()]),
    ],
  },
});

/** Left out where one mutation after the other is run in Node: it costs each a second to set up. */
async function chromiumProject(): Promise<TestProjectInlineConfiguration> {
  return {
    extends: true,
    test: {
      exclude: ['test/**/*.node.test.ts'],
      globalSetup: ['test/setup/fileServer.ts'],
      browser: {
        enabled: true,
        headless: true,
        fileParallelism: false,
        screenshotFailures: false,
        provider: playwright({ launchOptions: await chromiumLaunchOptions() }),
        instances: [{ browser: 'chromium', name: 'chromium' }],
      },
    },
  };
}
