import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unpackSwiftShader } from '../../src/gpu/nodeSoftware.js';
import { Project } from '../support/builtPackage.js';

const PROGRAM = `
import { close, init } from 'shadegrad';
try {
  await init({ software: 'never' });
  close();
} catch ({ message }) {
  console.log(message);
}
`;

let project: Project;
beforeAll(() => {
  project = new Project({ gpu: true });
  project.write('program.js', PROGRAM);
});
afterAll(() => project.remove());

// The library path stands in for a system with a Vulkan loader, the variable for its driver.
test.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'a system with a Vulkan loader and a driver is asked before anything is unpacked',
  async () => {
    const { loader, manifest } = await unpackSwiftShader();
    const { stdout } = await project.run('program.js', [], {
      LD_LIBRARY_PATH: path.dirname(loader),
      VK_DRIVER_FILES: manifest,
    });
    expect(stdout).toContain(`VK_DRIVER_FILES=${manifest}: software adapter`);
    expect(stdout).not.toContain('no Vulkan loader');
  },
);
