/** A worker in a process of Node, which takes its commands from the process that forked it. */
import { requestNodeAdapter } from '../../src/gpu/nodeAdapter.js';
import { Worker, type Command } from './worker.js';

const worker = new Worker({
  residentBytes: () => {
    globalThis.gc?.();
    return process.memoryUsage.rss();
  },
});

/** Gives the peers the WebGPU that shadegrad finds: the same package, driver and settings. */
async function provideWebGpu(): Promise<void> {
  const { gpu } = await requestNodeAdapter({
    powerPreference: 'high-performance',
    software: 'auto',
  });
  const navigator = { gpu, userAgent: 'Node', hardwareConcurrency: 2 };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
}

async function handle(command: Command): Promise<unknown> {
  if (command.do === 'open' && command.options.backend === 'webgpu') await provideWebGpu();
  return worker.handle(command);
}

process.on('message', (command: Command) => {
  handle(command).then(
    (reply) => process.send!({ reply }),
    (error: unknown) =>
      process.send!({ error: error instanceof Error ? error.message : String(error) }),
  );
});
// Dawn may not let the process end by itself.
process.on('disconnect', () => process.exit());
