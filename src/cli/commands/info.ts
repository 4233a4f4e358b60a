import { Command } from 'commander';
import { adapterLine, openGpu } from '../gpu.js';
import type { GlobalOptions } from '../options.js';

export function infoCommand(): Command {
  return new Command('info')
    .description('Shows the GPU adapter, its features and limits.')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  shadegrad info\n  shadegrad info --json')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { json?: boolean }>();
      const device = await openGpu(options);
      if (options.json) {
        console.log(JSON.stringify(device.info, null, 2));
        return;
      }
      const { vendor, architecture, features, limits } = device.info;
      console.log(`Adapter       ${adapterLine(device)}`);
      console.log(`Vendor        ${vendor || '(unknown)'}`);
      console.log(`Architecture  ${architecture || '(unknown)'}`);
      console.log(`Features      ${features.join(', ') || '(none)'}`);
      console.log('Limits');
      const width = Math.max(...Object.keys(limits).map((name) => name.length));
      for (const [name, value] of Object.entries(limits).sort(([a], [b]) => a.localeCompare(b))) {
        console.log(`  ${name.padEnd(width)}  ${value.toLocaleString('en-US')}`);
      }
    });
}
