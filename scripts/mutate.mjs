// Breaks each kernel in every way that test/mutations/ lists, and shows that its tests go red.
//
//   npm run mutations                  all kernels; writes test/MUTATIONS.md. What was caught before,
//                                      in the same kernel by the same tests, is not run again
//   npm run mutations -- conv2d pool2d   these alone; writes nothing
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const CAUGHT = '.results/caught.json'; // by digest, the test that went red, and its file
const FOLDER = 'test/mutations';
const TABLE = 'test/MUTATIONS.md';
const WORKER = 'scripts/mutateWorker.mjs';
const AT_ONCE = 2;

const chosen = process.argv.slice(2);
const lists = (await readdir(FOLDER)).filter((file) => file.endsWith('.json'));
const shaders = chosen.length > 0 ? chosen : lists.map((file) => file.slice(0, -'.json'.length));
const jobs = [];
for (const shader of shaders.sort()) {
  const { tests, mutations } = JSON.parse(await readFile(join(FOLDER, `${shader}.json`), 'utf8'));
  // Of all kernels, `npm test` has shown that the tests pass as things stand.
  if (chosen.length > 0) jobs.push({ shader, tests, index: null });
  mutations.forEach((mutation, index) => jobs.push({ shader, tests, index, ...mutation }));
}

const caughtBefore = JSON.parse(await readFile(CAUGHT, 'utf8').catch(() => '{}'));
const results = new Array(jobs.length);
const queue = [...jobs.keys()];
await Promise.all(Array.from({ length: AT_ONCE }, work));

const mutants = results.filter(({ index }) => index !== null);
const bad = results.filter(({ problem }) => problem);
for (const { shader, find, problem } of bad) {
  console.log(`${shader}${find ? ` ${oneLine(find)}` : ''}: ${problem}`);
}
const missed = mutants.filter(({ red }) => red?.skipped).length;
const caught = mutants.filter(({ problem }) => !problem).length - missed;
console.log(`${caught} of ${mutants.length} mutations caught${butFor(', ')}`);
if (chosen.length === 0 && bad.length === 0) await writeTable();
process.exitCode = bad.length > 0 ? 1 : 0;

async function work() {
  const worker = fork(WORKER);
  const ended = once(worker, 'exit').then(([code]) => {
    throw new Error(`a process that runs tests ended with code ${code}`);
  });
  const answer = () => Promise.race([once(worker, 'message'), ended]);
  await answer();
  for (let i = queue.shift(); i !== undefined; i = queue.shift()) {
    const digest = await digestOf(jobs[i]);
    const before = chosen.length === 0 && caughtBefore[digest];
    const red = before ? { ...before, message: '' } : await run(jobs[i], worker, answer);
    const problem = problemOf(jobs[i], red);
    results[i] = { ...jobs[i], red, problem };
    if (red && !red.skipped && !problem && !before) await remember(digest, red);
    const { shader, index } = jobs[i];
    const outcome = red ? `${red.file}: ${red.name}` : 'green';
    console.log(`${shader}${index === null ? '' : `:${index}`} ${outcome}`);
  }
  worker.disconnect();
}

/** Of all that the outcome depends on most: the kernel, the mutation, and the tests. */
async function digestOf({ shader, tests, find, replace }) {
  const files = await Promise.all([`shaders/${shader}.wgsl`, ...tests].map((f) => readFile(f)));
  const hash = createHash('sha256').update(JSON.stringify([shader, find, replace]));
  for (const file of files) hash.update(file);
  return hash.digest('hex');
}

async function remember(digest, { file, name }) {
  caughtBefore[digest] = { file, name };
  await mkdir('.results', { recursive: true });
  const temporary = `${CAUGHT}.${digest}.tmp`;
  await writeFile(temporary, JSON.stringify(caughtBefore, null, 1));
  await rename(temporary, CAUGHT);
}

/** What was not run on this adapter, in words. */
function butFor(start) {
  return missed > 0 ? `${start}${missed} not run for want of a feature` : '';
}

/** The first test that fails, null if none does. */
async function run({ shader, tests, index, needs }, worker, answer) {
  worker.send({ shader, tests, index });
  const [{ red, skipped }] = await answer();
  if (red || !needs || !skipped) return red;
  return { name: `not run here: it needs ${needs}`, message: '', skipped };
}

function problemOf({ index }, red) {
  if (index === null) return red ? `fails without a mutation: ${red.name}\n${red.message}` : null;
  if (!red) return 'survived';
  if (red.name === 'no test ran') return `no test ran: ${red.message.slice(0, 500)}`;
  if (/timed out/.test(red.message))
    return `timed out, on a machine that was too busy: ${red.name}`;
  return /ShaderError/.test(red.message) ? `does not compile: ${red.message.slice(0, 500)}` : null;
}

async function writeTable() {
  const rows = mutants.map(({ shader, entry, find, replace, red }) =>
    [shader, entry ?? '', code(find), code(replace), red.name, fileOf(red)]
      .map((cell) => cell.replaceAll('|', '\\|'))
      .join(' | '),
  );
  const text = [
    '# Mutations',
    '',
    'Each kernel, broken on purpose, and the first test of `npm test` that went red. Written by',
    '`npm run mutations` from the lists in `test/mutations/`.',
    '',
    `${mutants.length} mutations of ${shaders.length} files, all caught${butFor(', but for ')}.`,
    '',
    '| kernel | entry point | instead of | stands | goes red | in |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
  ].join('\n');
  await writeFile(`${TABLE}.tmp`, text);
  await rename(`${TABLE}.tmp`, TABLE);
}

/** The file of a test, below test/. */
function fileOf({ file = '' }) {
  return file.replace(/^test\//, '').replace(/(?:\.node)?\.test\.ts$/, '');
}

function oneLine(text) {
  return text.replace(/\s+/g, ' ').trim();
}

function code(text) {
  return `\`${oneLine(text) || '(nothing)'}\``;
}
