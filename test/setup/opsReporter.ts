import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';
import type { OpResult } from '../support/results.js';

const OPS = 'test/autograd/ops';
const FOLDER = '.results';

/** The cases of one op in one dtype, summed up. */
export interface OpRow {
  op: string;
  dtype: OpResult['dtype'];
  cases: number;
  options: string[];
  /** The largest relative errors. */
  forward: number;
  gradient: number | null;
}

/** .results/ops-<runtime>.json */
export interface OpsFile {
  /** `Node`, `Chromium`, or the driver that the shell chose. */
  runtime: string;
  adapter: string;
  rows: OpRow[];
}

/**
 * Keeps what the tests of ops measured, for `npm run ops`: one file for each runtime in which all
 * of them ran and passed.
 */
export class OpsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const every = readdirSync(OPS).filter((file) => file.endsWith('.test.ts'));
    for (const project of new Set(modules.map((module) => module.project.name))) {
      const own = modules.filter((module) => module.project.name === project);
      const passed = own.filter((module) => module.ok()).map(({ moduleId }) => basename(moduleId));
      if (every.every((file) => passed.includes(file))) keep(project, own);
    }
  }
}

function keep(project: string, modules: readonly TestModule[]): void {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const results = tests.flatMap((test) => test.meta().ops ?? []);
  const adapter = results[0]!.adapter;
  const runtime =
    project === 'chromium'
      ? 'Chromium'
      : /swiftshader/i.test(adapter)
        ? 'Node'
        : driverName(adapter);
  mkdirSync(FOLDER, { recursive: true });
  const path = `${FOLDER}/ops-${runtime}.json`;
  const file: OpsFile = { runtime, adapter, rows: rowsOf(results) };
  writeFileSync(`${path}.tmp`, `${JSON.stringify(file, null, 1)}\n`);
  renameSync(`${path}.tmp`, path);
}

function driverName(adapter: string): string {
  return /llvmpipe/.test(adapter) ? 'lavapipe' : 'GPU';
}

function rowsOf(results: readonly OpResult[]): OpRow[] {
  const rows = new Map<string, OpRow>();
  for (const { op, dtype, options, forward, gradient } of results) {
    const key = `${op} ${dtype}`;
    const row = rows.get(key) ?? { op, dtype, cases: 0, options: [], forward: 0, gradient: null };
    rows.set(key, {
      ...row,
      cases: row.cases + 1,
      options: [...new Set([...row.options, ...options])].sort(),
      forward: Math.max(row.forward, forward),
      gradient: gradient === null ? row.gradient : Math.max(row.gradient ?? 0, gradient),
    });
  }
  return [...rows.values()].sort((a, b) => (`${a.op} ${a.dtype}` < `${b.op} ${b.dtype}` ? -1 : 1));
}
