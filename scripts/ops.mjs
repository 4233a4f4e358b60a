// Prints the table of ops and writes it to docs/OPS.md, from what the tests measured: `npm test`
// for Node and Chromium, `npm run test:driver` for another driver. docs/ops/ keeps the last
// measurements of each, so that the table is whole when only some of them were made anew.
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';

const FRESH = '.results';
const KEPT = 'docs/ops';
const TABLE = 'docs/OPS.md';
const ORDER = ['Node', 'Chromium', 'lavapipe', 'GPU'];

await mkdir(KEPT, { recursive: true });
for (const file of await readdir(FRESH).catch(() => [])) {
  if (/^ops-.*\.json$/.test(file)) await copyFile(`${FRESH}/${file}`, `${KEPT}/${file}`);
}
const files = await Promise.all(
  (await readdir(KEPT)).map(async (name) => JSON.parse(await readFile(`${KEPT}/${name}`, 'utf8'))),
);
if (files.length === 0) {
  console.error('ops: expected measurements, got none. Run `npm test` first.');
  process.exit(1);
}
files.sort((a, b) => ORDER.indexOf(a.runtime) - ORDER.indexOf(b.runtime));

const ops = [...new Set(files.flatMap(({ rows }) => rows.map(({ op }) => op)))].sort();
const header = ['op', 'options', 'dtype', 'forward', 'gradient', ...files.map((f) => f.runtime)];
const body = ops.flatMap((op) =>
  ['f32', 'f16'].flatMap((dtype) => {
    const found = files.map(({ rows }) => rows.find((r) => r.op === op && r.dtype === dtype));
    const rows = found.filter(Boolean);
    if (rows.length === 0) return [];
    const options = [...new Set(rows.flatMap((row) => row.options))].sort();
    const gradients = rows.map((row) => row.gradient).filter((error) => error !== null);
    return [
      [
        op,
        options.join(', '),
        dtype,
        figure(Math.max(...rows.map((row) => row.forward))),
        gradients.length > 0 ? figure(Math.max(...gradients)) : '',
        ...found.map((row) => (row ? '✓' : '')),
      ],
    ];
  }),
);

const widths = header.map((_, i) => Math.max(...[header, ...body].map((row) => row[i].length)));
const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
const table = [line(header), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)];
console.log(table.join('\n'));
const text = [
  '# Ops',
  '',
  'Each op as its tests measured it, written by `npm run ops`: the options that the cases use, and the',
  'largest relative error (norm of the difference over norm of the reference) forward, against plain',
  'loops in float64, and of the gradients, against central differences of those. A tick means that',
  'every case passed there; f16 needs an adapter with `shader-f16`.',
  '',
  ...files.map(({ runtime, adapter }) => `- ${runtime}: ${adapter}`),
  '',
  ...table,
  '',
].join('\n');
await writeFile(`${TABLE}.tmp`, text);
await rename(`${TABLE}.tmp`, TABLE);

function figure(error) {
  return error === 0 ? '0' : error.toExponential(1);
}
