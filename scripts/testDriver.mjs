// Runs the Node side of the tests on the Vulkan driver that VK_DRIVER_FILES names.
//
//   VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json npm run test:driver
import { spawn } from 'node:child_process';

if (!process.env.VK_DRIVER_FILES) {
  console.error(
    'test:driver: expected VK_DRIVER_FILES to name the manifest of a Vulkan driver (an .json file), got nothing.\n' +
      'Set it in the shell, or run `npm test` for the software adapter that npm installs.',
  );
  process.exit(1);
}
const child = spawn(
  'npx',
  ['vitest', 'run', '--mode', 'all', '--project', 'node', ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, SHADEGRAD_TEST_DRIVER: '1' },
  },
);
child.on('close', (code) => (process.exitCode = code ?? 1));
