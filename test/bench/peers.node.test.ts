import { describe, expect, test } from 'vitest';
import { allCells, convFlops, outSizeOf } from '../../bench/peers/cells.js';
import { benchChart } from '../../bench/peers/chart.js';
import { outputLength, relativeError, samplePositions } from '../../bench/peers/check.js';
import { batchOf, convData, uniform, weightsOf } from '../../bench/peers/data.js';
import { PEERS } from '../../bench/peers/peers.js';
import { expectedValues } from '../../bench/peers/reference.js';
import type { BenchResults, CellResult, Measured } from '../../bench/peers/results.js';
import { median, ratioOf, runsPerRound } from '../../bench/peers/stats.js';
import { readmeBlock, summaryRows } from '../../bench/peers/summary.js';
import { cellTable, entry, formatMs, formatRatio, jsTable } from '../../bench/peers/table.js';

describe('medians and ratios', () => {
  test('a median is the middle value, or the mean of the two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });

  test('a ratio is taken round by round, over rounds that both have', () => {
    // The second round was slow for both: the ratio does not see it.
    expect(ratioOf([20, 200, 40], [10, 100, 10])).toEqual({ median: 2, low: 2, high: 4 });
    expect(ratioOf([20, null, 40], [10, 100, 10])).toEqual({ median: 3, low: 2, high: 4 });
    expect(ratioOf([null, 5], [1])).toBeNull();
  });

  test('short runs are repeated within a round, long ones are not', () => {
    expect([0.01, 100, 5000].map(runsPerRound)).toEqual([10, 3, 1]);
  });
});

describe('comparison', () => {
  test('the error is relative to the norm; NaN, Infinity and a missing value are wrong', () => {
    expect(relativeError([3, 4], [3, 4])).toBe(0);
    expect(relativeError([3, 4.5], [3, 4])).toBeCloseTo(0.1);
    for (const bad of [[NaN, 4], [Infinity, 4], [3]]) {
      expect(relativeError(bad, [3, 4])).toBe(Infinity);
    }
  });

  test('samples are spread from the first to the last element, each once', () => {
    const positions = samplePositions(100_000);
    expect(new Set(positions).size).toBe(positions.length);
    expect([positions[0], positions.at(-1)]).toEqual([0, 99_999]);
    expect(samplePositions(3)).toEqual([0, 1, 2]);
  });
});

describe('cells', () => {
  const cells = allCells({ memorySteps: 200 });

  test('have names of their own, and no batch beyond the limit', () => {
    expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length);
    for (const cell of allCells({ memorySteps: 200, maxBatch: 4 })) {
      const batch = cell.kind === 'conv' ? cell.conv.batch : 'batch' in cell ? cell.batch : 0;
      expect(batch).toBeLessThanOrEqual(4);
    }
  });

  test('each is one that shadegrad and at least two peers run', () => {
    for (const cell of cells) {
      expect(PEERS[0]!.lacks(cell)).toBeUndefined();
      expect(PEERS.filter(({ lacks }) => lacks(cell) === undefined).length).toBeGreaterThan(2);
    }
  });

  test('layers of a network fit each other', () => {
    for (const cell of cells) {
      if (!('network' in cell)) continue;
      let { inC: channels, size } = cell.network;
      let width = 0;
      for (const layer of cell.network.layers) {
        if (layer.kind === 'conv') {
          expect(layer.inC).toBe(channels);
          size = outSizeOf({ ...layer, size });
          channels = layer.outC;
        } else if (layer.kind === 'pool') {
          size = Math.floor((size - layer.window) / layer.stride) + 1;
        } else if (layer.kind === 'flatten') {
          expect(layer).toMatchObject({ channels, size });
          width = channels * size ** 2;
        } else if (layer.kind === 'linear') {
          expect(layer.inSize).toBe(width);
          width = layer.outSize;
        }
      }
      expect(width).toBe(cell.network.classes);
    }
  });

  test('LeNet-5 has its parameters, and its first convolution its operations', () => {
    const train = cells.find(({ kind }) => kind === 'train');
    if (train?.kind !== 'train') throw new Error('no training');
    const count = Object.values(weightsOf(train.network)).reduce(
      (n, { data }) => n + data.length,
      0,
    );
    expect(count).toBe(61_706);
    expect(batchOf(train.network, 8).labels.every((label) => label >= 0 && label < 10)).toBe(true);
    const conv = { batch: 2, inC: 1, size: 28, outC: 6, kernel: 5, stride: 1, padding: 2 };
    expect(convFlops(conv)).toBe(2 * 2 * 6 * 784 * 25);
  });

  test('numbers are the same each time and lie within their bound', () => {
    const { data } = uniform([1000], 3, 0.5);
    expect(data).toEqual(uniform([1000], 3, 0.5).data);
    expect(Math.max(...data)).toBeGreaterThan(0.45);
    expect(Math.min(...data)).toBeLessThan(-0.45);
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(0.5);
  });

  test('references are of the output that peers are asked for', () => {
    const conv = { batch: 2, inC: 2, size: 6, outC: 3, kernel: 3, stride: 2, padding: 1 };
    const common = { kind: 'conv', name: '', group: '', conv } as const;
    const { x, w, dy } = convData(conv);
    const sizes = { forward: dy, 'input gradient': x, 'weight gradient': w };
    for (const pass of ['forward', 'input gradient', 'weight gradient'] as const) {
      const cell = { ...common, pass };
      expect(outputLength(cell)).toBe(sizes[pass].data.length);
      expect(expectedValues(cell)).toHaveLength(sizes[pass].data.length);
    }
    // <y, dy> is linear in x and in w: the three passes are those of one function.
    const inner = (a: readonly number[], b: ArrayLike<number>): number =>
      a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    const [y, dx, dw] = (['forward', 'input gradient', 'weight gradient'] as const).map((pass) =>
      expectedValues({ ...common, pass }),
    );
    expect(inner(dx!, x.data)).toBeCloseTo(inner(y!, dy.data), 4);
    expect(inner(dw!, w.data)).toBeCloseTo(inner(y!, dy.data), 4);
  });
});

const measured = (rounds: (number | null)[], more: Partial<Measured> = {}): Measured => ({
  status: 'measured',
  rounds,
  limitSeconds: 10,
  ...more,
});
const late = measured([], { status: 'late', limitSeconds: 10 });
const memory = (megabytes: number): Measured =>
  measured([], {
    memory: [
      { step: 100, megabytes },
      { step: 200, megabytes: megabytes + 2 },
    ],
  });

const CELLS: CellResult[] = [
  {
    name: 'A conv1, forward',
    kind: 'conv',
    group: 'A',
    flops: 2e6,
    results: { shadegrad: measured([1, 2]), 'tfjs-webgpu': measured([10, 40]), onnxruntime: late },
  },
  {
    name: 'A conv1, weight gradient',
    kind: 'conv',
    group: 'A',
    flops: 2e6,
    results: {
      shadegrad: measured([4, 4]),
      'tfjs-webgpu': late,
      'jax-webgpu': measured([], { status: 'wrong' }),
    },
  },
  {
    name: 'training',
    kind: 'train',
    images: 256,
    results: {
      shadegrad: measured([100, 100], { js: 0.25 }),
      'tfjs-webgpu': measured([5000], { status: 'once' }),
      'jax-webgpu': measured([800, 1000], { js: 7 }),
      onnxruntime: measured([], { status: 'lacks' }),
    },
  },
  {
    name: 'memory',
    kind: 'memory',
    results: { shadegrad: memory(100), 'jax-webgpu': memory(200) },
  },
];

const info = (library: string) => ({ library, device: 'Test & adapter' });
const RESULTS: BenchResults = {
  date: '2026-01-02',
  commit: 'abc',
  runtime: 'Node 20',
  cpu: '2 cores',
  adapter: 'Test & adapter',
  rounds: 2,
  tolerance: 1e-3,
  seconds: 9,
  peers: {
    shadegrad: info('shadegrad'),
    'tfjs-webgpu': info('TensorFlow.js 4, webgpu'),
    'jax-webgpu': info('jax-js 0.1, webgpu'),
    onnxruntime: info('onnxruntime-node 1'),
  },
  cells: CELLS,
};

describe('tables', () => {
  test('times and ratios are short', () => {
    expect([0.1234, 12.345, 1234].map(formatMs)).toEqual(['0.123 ms', '12.3 ms', '1.23 s']);
    expect(formatRatio({ median: 13.46, low: 12, high: 15.2 })).toBe('13.5x (12 to 15.2)');
    expect(formatRatio({ median: 2, low: 2, high: 2 })).toBe('2x');
  });

  test('an entry says what became of a peer', () => {
    const say = (cell: number, peer: string): string => entry(CELLS[cell]!, peer, 'shadegrad');
    expect(say(0, 'shadegrad')).toBe('1.5 ms');
    expect(say(0, 'tfjs-webgpu')).toBe('25 ms, 15x (10 to 20)');
    expect(say(0, 'onnxruntime')).toBe('over 10 s');
    expect(say(0, 'nobody')).toBe('');
    expect(say(1, 'jax-webgpu')).toBe('wrong');
    expect(say(2, 'tfjs-webgpu')).toBe('5 s once, 50x');
    expect(say(2, 'onnxruntime')).toBe('-');
    expect(say(3, 'shadegrad')).toBe('102 MB, +2.0 after step 100');
  });

  test('all cells, with our rate; times of JavaScript where there are some', () => {
    const lines = cellTable(RESULTS).split('\n');
    expect(lines).toHaveLength(2 + CELLS.length);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines[2]).toContain('1.33 GFLOP/s');
    expect(lines[4]).toContain('2560 images/s');
    expect(jsTable(RESULTS)).toMatch(/training +\| 0.25 ms +\| 7 ms/);
    expect(jsTable({ ...RESULTS, cells: CELLS.slice(0, 2) })).toBe('');
  });
});

describe('README', () => {
  test('convolutions of a network are one row, the sum of what each peer took at least', () => {
    const [convolutions, ...rest] = summaryRows(RESULTS);
    expect(rest.map(({ name }) => name)).toEqual(['training', 'memory']);
    expect(convolutions!.values).toEqual({
      shadegrad: { value: 5.5, atLeast: false },
      'tfjs-webgpu': { value: 10_025, atLeast: true },
      'jax-webgpu': null,
      onnxruntime: null,
    });
  });

  test('the block has the chart, the table and where the figures are from', () => {
    const block = readmeBlock(RESULTS, 'docs/bench.svg');
    expect(block).toContain('(docs/bench.svg)');
    expect(block).toMatch(/training +\| 100 ms +\| 5 s, 50x +\| 900 ms, 9x/);
    expect(block).toMatch(/over 10 s, 1800x/);
    expect(block).toMatch(/memory +\| 102 MB +\| +\| 202 MB, 2x/);
    expect(block).toContain('Beside TensorFlow.js 4, jax-js 0.1, onnxruntime-node 1;');
  });

  test('the chart has a bar of each library for each row that all have', () => {
    const cells = CELLS.map((cell) => ({
      ...cell,
      results: { ...cell.results, 'jax-webgpu': cell.results['shadegrad']! },
    }));
    const svg = benchChart({ ...RESULTS, cells });
    expect(svg.startsWith('<svg ')).toBe(true);
    expect(svg).toContain('Test &amp; adapter');
    // The background, a mark in the legend for each of three, two rows of three bars.
    expect(svg.match(/<rect\s/g)).toHaveLength(1 + 3 + 6);
    expect(svg).toContain('over 10 s');
    expect(svg).not.toContain('NaN');
  });
});
