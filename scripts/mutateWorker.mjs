// A process of `npm run mutations`: runs tests on a kernel that is broken in one way after the other.
// What is compiled of the sources stays, so that each run takes seconds.
import { resolve } from 'node:path';
import { createVitest } from 'vitest/node';

process.env.SHADEGRAD_MUTATION = 'none'; // the configuration leaves Chromium out

/** Of the run under way: the first test that failed, what else went wrong, and whether any is skipped. */
let outcome;
const messagesOf = (errors) => errors.map(({ message }) => message).join('\n');
const reporter = {
  onTestCaseResult(test) {
    const { state, errors = [] } = test.result();
    if (state === 'skipped') outcome.skipped = true;
    // Tests that `bail` cut off count as failed too, but say nothing.
    if (state !== 'failed' || errors.length === 0) return;
    const file = test.module.relativeModuleId;
    outcome.red ??= { file, name: test.fullName, message: messagesOf(errors) };
  },
  onTestModuleEnd(testModule) {
    outcome.errors.push(...testModule.errors());
  },
  onTestRunEnd(_, unhandledErrors) {
    outcome.errors.push(...unhandledErrors);
  },
};

const vitest = await createVitest('test', {
  ...{ watch: false, bail: 1, maxWorkers: 1, config: 'vitest.config.ts', reporters: [reporter] },
});

/** The kernel that was broken last, which is whole again in the next run. */
let last;

process.on('message', async ({ shader, tests, index }) => {
  process.env.SHADEGRAD_MUTATION = index === null ? 'none' : `${shader}:${index}`;
  for (const name of new Set([last ?? shader, shader]))
    vitest.invalidateFile(resolve(`shaders/${name}.wgsl`));
  last = shader;
  outcome = { red: null, errors: [], skipped: false };
  await vitest.runTestSpecifications(await vitest.globTestSpecifications(tests));
  vitest.state.errorsSet.clear();
  const { errors, skipped } = outcome;
  const noTest = { file: '', name: 'no test ran', message: messagesOf(errors) };
  process.send({ red: outcome.red ?? (errors.length > 0 ? noTest : null), skipped });
});
process.on('disconnect', () => vitest.close());
process.send({});
