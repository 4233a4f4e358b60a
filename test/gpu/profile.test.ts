import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { summarize } from '../../src/gpu/profile.js';
import { clockOf } from '../../src/gpu/timestamps.js';
import { tidyTest } from '../support/tidyTest.js';

interface TraceEvent {
  name: string;
  ph: string;
  tid: number;
  ts: number;
  dur: number;
  args: Record<string, unknown>;
}

const ROOFLINE = {
  gflops: 10,
  gbPerSecond: 5,
  dispatchMicroseconds: 1,
  submitMicroseconds: 1,
  readbackMicroseconds: 1,
};

describe.each(['gpu', 'wall'] as const)('profile, by the clock: %s', (clock) => {
  const available = async () => clock === 'wall' || clockOf(await sg.init()) === 'gpu';

  tidyTest('has each kernel of a function, its calls and shares', async () => {
    if (!(await available())) return;
    const a = sg.ones([32, 32]);
    let runs = 0;
    const profile = await sg.profile(
      () => {
        runs++;
        sg.tidy(() => a.matmul(a).add(1).add(2));
      },
      { repeat: 2, clock },
    );
    expect(runs).toBe(1 + 2 * 2);
    expect(profile.clock).toBe(clock);
    expect(profile.dispatches).toBe(profile.kernels.reduce((sum, { calls }) => sum + calls, 0));
    const product = profile.kernels.find(({ label }) => label.startsWith('matmul'))!;
    expect(product.calls).toBeGreaterThanOrEqual(1);
    const total = profile.kernels.reduce((sum, { totalMs }) => sum + totalMs, 0);
    expect(total).toBeCloseTo(profile.gpuMs);
    for (const { totalMs, calls, meanMs, share } of profile.kernels) {
      expect(meanMs * calls).toBeCloseTo(totalMs);
      if (total > 0) expect(share).toBeCloseTo(totalMs / total);
    }
    expect(profile.javascriptMs).toBeLessThanOrEqual(profile.wallMs);
    expect(profile.bytesPeak).toBeGreaterThanOrEqual(a.numel * 4 * 2);
    expect(profile.bytesPeak).toBeLessThanOrEqual(sg.memory().bytesPeak);
  });

  tidyTest('makes a table and a trace', async () => {
    if (!(await available())) return;
    const x = sg.ones([100]);
    const profile = await sg.profile(() => sg.tidy(() => void x.add(1).sum()), { clock });
    const lines = profile.table().split('\n');
    expect(lines[0]).toMatch(/^kernel +calls +ms +ms\/call +share +GFLOP\/s +GB\/s +of peak$/);
    expect(lines.slice(1, 1 + profile.kernels.length).join('\n')).toMatch(/^binary\.\w+ +1 /m);
    expect(profile.table()).toMatch(/^kernels +\S+ ms in \d+ dispatches, by /m);
    expect(profile.table()).toMatch(/^JavaScript +\S+ ms$/m);

    const { traceEvents } = JSON.parse(profile.trace()) as { traceEvents: TraceEvent[] };
    const names = traceEvents.filter(({ ph }) => ph === 'M').map(({ args }) => args['name']);
    expect(names).toEqual(['GPU', 'JavaScript']);
    const spans = traceEvents.filter(({ ph }) => ph === 'X');
    const onGpu = spans.filter(({ tid }) => tid === 1);
    expect(onGpu).toHaveLength(profile.dispatches);
    expect(spans.filter(({ tid }) => tid === 2)).toHaveLength(1 + profile.dispatches);
    for (const { ts, dur } of spans) {
      expect(ts).toBeGreaterThanOrEqual(0);
      expect(dur).toBeGreaterThanOrEqual(0);
    }
    expect(onGpu.map(({ args }) => args['bytes'])).not.toContain(0);
  });
});

describe('profile', () => {
  tidyTest('leaves values and gradients as they would be without it', async () => {
    const x = sg.tensor([1, 2, 3], { requiresGrad: true });
    const step = () => x.square().sum().backward();
    await sg.profile(step, { warmUp: 0 });
    expect(await x.grad!.toArray()).toEqual([4, 8, 12]); // of two runs
  });

  tidyTest('takes async functions, readbacks included', async () => {
    const values: number[] = [];
    const x = sg.tensor([1, 2]);
    const profile = await sg.profile(
      async () => void values.push(await sg.tidy(() => x.sum()).item()),
      { clock: 'wall' },
    );
    expect(values).toEqual([3, 3, 3]);
    expect(profile.dispatches).toBe(1);
  });

  test('of nothing has no kernels', async () => {
    const profile = await sg.profile(() => undefined);
    expect(profile.kernels).toEqual([]);
    expect(profile.table()).toMatch(/^kernels +0 ms in 0 dispatches/m);
    expect(() => JSON.parse(profile.trace()) as unknown).not.toThrow();
  });

  test('refuses to run less than once', async () => {
    await expect(sg.profile(() => undefined, { repeat: 0 })).rejects.toThrow(
      'profile: expected a repeat of 1 or more, got 0',
    );
    await expect(sg.profile(() => undefined, { warmUp: -1 })).rejects.toThrow('warmUp of 0 or');
  });
});

test('dispatches of several runs make one row a kernel', () => {
  const time = (label: string, nanoseconds: number, flops: number, bytes: number) => ({
    ...{ label, nanoseconds, flops, bytes, start: 0, enqueued: 0 },
  });
  const times = [
    time('a', 1000, 4000, 1000),
    time('b', 500, 0, 2000),
    time('a', 3000, 4000, 1000),
    time('b', 500, 0, 2000),
  ];
  expect(summarize(times, 2, ROOFLINE)).toEqual([
    {
      ...{ label: 'a', calls: 1, totalMs: 0.002, meanMs: 0.002, share: 0.8 },
      ...{ gflops: 2, gbPerSecond: 0.5, shareOfPeak: 0.2 },
    },
    {
      ...{ label: 'b', calls: 1, totalMs: 0.0005, meanMs: 0.0005, share: 0.2 },
      ...{ gflops: 0, gbPerSecond: 4, shareOfPeak: 0.8 },
    },
  ]);
});
