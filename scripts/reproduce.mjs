// Bundles reproduce/ and runs it: node scripts/reproduce.mjs [options]
import { runBundled } from './bundled.mjs';

await runBundled('reproduce', ['main'], process.argv.slice(2));
