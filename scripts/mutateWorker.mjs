// A process of `npm run mutations`: runs tests on a kernel that is broken in one way after the other.
// What is compiled of the sources stays, so that each run takes seconds.
import { resolve } from 'node:path';
import { createVitest } from 'vitest/node';

process.env.SHADEGRAD_MUTATION = 'none'; // the configuration leaves Chromium out
const vitest = await createVitest('test', {
  ...{ watch: false, bail: 1, maxWorkers: 1, config: 'vitest.config.ts' },
  reporters: [{}],
});

process.on('message', async ({ shader, tests, index }) => {
  process.env.SHADEGRAD_MUTATION = index === null ? 'none' : `${shader}:${index}`;
  vitest.invalidateFile(resolve(`shaders/${shader}.wgsl`));
  const specifications = await vitest.globTestSpecifications(tests);
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  vitest.state.errorsSet.clear();
  process.send({
    red: redOf(testModules, unhandledErrors),
    skipped: testModules.some(({ children }) => [...children.allTests('skipped')].length > 0),
  });
});
process.on('disconnect', () => vitest.close());
process.send({});

/** The first test that failed, and its file; null if none did. */
function redOf(testModules, unhandledErrors) {
  const messagesOf = (errors) => errors.map(({ message }) => message).join('\n');
  for (const testModule of testModules) {
    const file = testModule.relativeModuleId;
    for (const test of testModule.children.allTests('failed')) {
      const { errors } = test.result();
      return { file, name: test.fullName, message: messagesOf(errors) };
    }
  }
  const errors = [...testModules.flatMap((one) => one.errors()), ...unhandledErrors];
  return errors.length > 0 ? { file: '', name: 'no test ran', message: messagesOf(errors) } : null;
}
