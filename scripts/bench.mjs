// Bundles a program of bench/ and runs it: node scripts/bench.mjs run|scale|check [options]
import { runBundled } from './bundled.mjs';

const [program, ...args] = process.argv.slice(2);
await runBundled('bench', [program, 'firstStep'], args);
