// conv2dPack: lays out what the kernels of a convolution read, as whole vec4s without edges to check.
// Dispatched by src/autograd/kernels/convolutionPack.ts.
//
//   pack   some arrays in one dispatch, into places of `packed`
//
//   for conv2d.wgsl:
//     WINDOWS   source (N, C, H, W)  -> windows (planes, rows, strips, parts, window) of vec4
//     WEIGHTS   weight, bias         -> weights, as conv2dPlaces.wgsl says; zeros where there is no such
//                                       channel or tap, or no bias; each of two parts that share a tap
//                                       has half of it
//   for conv2dWeightGradient.wgsl:
//     X         x (N, C, H, W)       -> xWindows, a strip being the whole line
//     LINES     source (N, K, H, W)  -> lines (planes, lines, steps) of vec4, zeros at the end
//
// SOURCE is set with WINDOWS, or with X and LINES. With ACTIVATED, source is dL/dy of an activated y, and comes through the activation.
//
// A row of taps is dealt out to `parts`, see conv2dTaps.wgsl. Element e of the window of a strip is
// the input that its pixel e needs for tap t = 0 of the part, and so the one that pixel e - t needs
// for tap t: phases * dilationW = strideW wherever taps > 1. So stride, dilation and padding never
// reach the kernels that multiply.

struct Params {
  start: u32, // the first element of source that is read
  inH: u32, // of source
  inW: u32,
  // windows of source
  windowThreads: u32,
  each: u32, // vec4s of a window that one thread makes
  eachRows: u32, // in so many rows of windows
  rows: u32, // of windows, for each plane
  strips: u32,
  pixels: u32, // of a strip
  window: u32, // vec4s
  kernelW: u32,
  phases: u32,
  parts: u32,
  taps: u32,
  strideW: u32,
  dilationW: u32,
  paddingH: i32,
  paddingW: i32,
  // weights
  weightThreads: u32,
  weightTo: u32, // where they begin in `packed`
  blocks: u32, // of each group
  inChannels: u32, // of each group, and so the next
  outChannels: u32,
  kernelH: u32,
  weightStart: i32,
  strideGroup: i32,
  strideOut: i32,
  strideIn: i32,
  strideKh: i32,
  strideKw: i32,
  // windows of x
  xThreads: u32,
  xTo: u32,
  xEach: u32,
  xEachRows: u32,
  xStart: u32,
  xInH: u32,
  xInW: u32,
  xRows: u32,
  xWindow: u32,
  xKernelW: u32,
  xPhases: u32,
  xParts: u32,
  xTaps: u32,
  xStrideW: u32,
  xDilationW: u32,
  xPaddingH: i32,
  xPaddingW: i32,
  // lines of source
  lineThreads: u32,
  lineTo: u32,
  lineEach: u32,
  lineEachRows: u32,
  firstLine: i32,
  lines: u32, // of each plane
  steps: u32, // vec4s of a line
}

@group(0) @binding(0) var<uniform> params: Params;

#if SOURCE
@group(0) @binding(1) var<storage, read> source: array<scalar>;
#if ACTIVATED
@group(0) @binding(2) var<storage, read> activated: array<scalar>;
const SOURCES = 2u;
#else
const SOURCES = 1u;
#endif
#else
const SOURCES = 0u;
#endif

// Then weight and bias, or weight and x, or x.
#if WEIGHTS
@group(0) @binding(SOURCES + 1u) var<storage, read> weight: array<scalar>;
const WITH_WEIGHT = SOURCES + 1u;
#else
const WITH_WEIGHT = SOURCES;
#endif
#if BIAS
@group(0) @binding(WITH_WEIGHT + 1u) var<storage, read> bias: array<scalar>;
const WITH_ALL = WITH_WEIGHT + 1u;
#elif X
@group(0) @binding(WITH_WEIGHT + 1u) var<storage, read> x: array<scalar>;
const WITH_ALL = WITH_WEIGHT + 1u;
#else
const WITH_ALL = WITH_WEIGHT;
#endif

@group(0) @binding(WITH_ALL + 1u) var<storage, read_write> packed: array<vec4<scalar>>;

const OF_SOURCE = 0u;
const OF_X = 1u;
const OF_WEIGHT = 2u;
#if BIAS
const OF_BIAS = 3u;
const BIAS_TAPS = 1u; // the tap at which it is
#else
const OF_BIAS = OF_WEIGHT; // of which nothing is read
const BIAS_TAPS = 0u;
#endif

// What a thread makes: `perRow` vec4s of some rows. Where threads of one dispatch take different
// branches, some adapters run each branch for all of them, and a loop once: so there is a loop for each
// array that is read, and the rest is common to all.
struct Run {
  kind: u32, // what it reads
  to: u32, // the first vec4; the others follow
  toStep: u32,
  toRow: u32, // from one row to the next
  count: u32,
  perRow: u32,
  some: u32, // of them; those after so many are zeros
  at: i32, // where it reads, for column 0
  atStep: i32, // from one vec4 to the next
  atRow: i32,
  row: i32, // of the first; before 0 and from `rows` on there are zeros
  rows: i32,
  stride: i32, // elements from one column to the next
  column: i32, // of the first element
  columnStep: i32, // from one vec4 to the next
  step: i32, // from one element to the next
  last: i32, // column; before 0 and after it there are zeros
  half: vec2u, // vec4s from x to before y are halved: two parts share the tap
}

// Windows of which kind, and how they lie.
struct Windows {
  kind: u32,
  first: u32, // thread
  to: u32,
  each: u32,
  eachRows: u32,
  start: u32,
  inH: u32,
  inW: u32,
  rows: u32,
  strips: u32,
  pixels: u32,
  window: u32,
  taps: TapLayout,
  strideW: u32,
  dilationW: u32,
  paddingH: i32,
  paddingW: i32,
}

fn windowRun(w: Windows, thread: u32) -> Run {
  let chunks = (w.window + w.each - 1u) / w.each;
  var i = thread / chunks;
  let quad = (thread - i * chunks) * w.each;
  let part = i % w.taps.parts;
  i /= w.taps.parts;
  let strip = i % w.strips;
  i /= w.strips;
  let rowChunks = (w.rows + w.eachRows - 1u) / w.eachRows;
  let plane = i / rowChunks;
  let row = (i - plane * rowChunks) * w.eachRows;
  let h = i32(row) - w.paddingH;
  let perRow = min(w.each, w.window - quad);
  let pixel = strip * w.pixels + 4u * quad;
  let toRow = w.strips * w.taps.parts * w.window;
  return Run(
    w.kind,
    w.to + (plane * w.rows + row) * toRow + (strip * w.taps.parts + part) * w.window + quad, 1u, toRow,
    perRow * min(w.eachRows, w.rows - row), perRow, perRow,
    i32(w.start) + (i32(plane * w.inH) + h) * i32(w.inW), 0, i32(w.inW),
    h, i32(w.inH),
    1, i32(pixel * w.strideW + firstKw(w.taps, part) * w.dilationW) - w.paddingW,
    i32(4u * w.strideW), i32(w.strideW), i32(w.inW) - 1,
    vec2u(),
  );
}

#if WINDOWS
fn windowsOfSource() -> Windows {
  return Windows(
    OF_SOURCE, 0u, 0u, params.each, params.eachRows, params.start, params.inH, params.inW, params.rows, params.strips, params.pixels, params.window, layoutOfTaps(),
    params.strideW, params.dilationW, params.paddingH, params.paddingW,
  );
}
#endif

#if WEIGHTS
// Four channels of the taps of an entry.
fn weightRun(thread: u32) -> Run {
  let quad = thread % QUADS;
  let entry = thread / QUADS;
  let block = entry / entriesOfBlock();
  let place = placeOf(block, entry - block * entriesOfBlock(), quad);
  let taps = (max(params.kernelW, place.kw) - place.kw + params.phases - 1u) / params.phases;
  return Run(
    select(OF_WEIGHT, OF_BIAS, place.isBias),
    params.weightTo + entry * params.taps * QUADS + quad, QUADS, 0u,
    params.taps, params.taps, select(taps, BIAS_TAPS, place.isBias),
    select(place.at, i32(place.channel), place.isBias), i32(params.phases) * params.strideKw, 0,
    0, 1,
    select(params.strideOut, 1, place.isBias), 0,
    0, 1, i32(place.count) - 1,
    sharedTaps(layoutOfTaps(), place.part),
  );
}
#endif

#if X
fn windowsOfX() -> Windows {
  return Windows(
    OF_X, params.windowThreads, params.xTo, params.xEach, params.xEachRows, params.xStart, params.xInH, params.xInW, params.xRows, 1u, 0u, params.xWindow,
    TapLayout(params.xKernelW, params.xPhases, params.xParts, params.xTaps),
    params.xStrideW, params.xDilationW, params.xPaddingH, params.xPaddingW,
  );
}
#endif

#if LINES
fn linesOfSource() -> Windows {
  return Windows(
    OF_SOURCE, params.windowThreads + params.xThreads, params.lineTo, params.lineEach, params.lineEachRows, params.start, params.inH, params.inW, params.lines, 1u, 0u, params.steps,
    TapLayout(1u, 1u, 1u, 1u), 1u, 1u, -params.firstLine, 0,
  );
}
#endif

// Where a run has got to.
struct Cursor {
  i: u32, // of all its vec4s
  inRow: u32,
  row: i32,
  at: i32,
  to: u32,
}

fn startOf(run: Run) -> Cursor {
  return Cursor(0u, 0u, run.row, run.at, run.to);
}

fn next(run: Run, c: Cursor) -> Cursor {
  let rowDone = c.inRow + 1u == run.perRow;
  return Cursor(
    c.i + 1u,
    select(c.inRow + 1u, 0u, rowDone),
    c.row + select(0, 1, rowDone),
    c.at + select(0, run.atRow, rowDone),
    c.to + select(0u, run.toRow, rowDone),
  );
}

// The elements of the vec4 at the cursor: where they are in their array, if they are in there.
struct Elements {
  at: vec4i,
  areInside: vec4<bool>,
}

fn elementsOf(run: Run, c: Cursor) -> Elements {
  let columns = run.column + i32(c.inRow) * run.columnStep + vec4i(0, 1, 2, 3) * run.step;
  let nearest = clamp(columns, vec4i(), vec4i(max(run.last, 0))); // reading it costs less than a branch
  let isInside = c.row >= 0 && c.row < run.rows && c.inRow < run.some && run.last >= 0;
  return Elements(
    c.at + i32(c.inRow) * run.atStep + nearest * run.stride,
    (columns == nearest) & vec4<bool>(isInside),
  );
}

fn store(run: Run, c: Cursor, value: vec4f) {
  let isHalf = c.inRow >= run.half.x && c.inRow < run.half.y;
  packed[c.to + c.inRow * run.toStep] = vec4<scalar>(select(value, 0.5 * value, isHalf));
}

#if SOURCE
fn sourceAt(i: i32) -> f32 {
#if ACTIVATED
  return activationGradient(f32(source[i]), f32(activated[i]));
#else
  return f32(source[i]);
#endif
}
#endif

@compute @workgroup_size(WORKGROUP)
fn pack(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = threadIndex(id, groups);
  let lineFrom = params.windowThreads + params.xThreads;
  let weightFrom = lineFrom + params.lineThreads;
  if (thread >= weightFrom + params.weightThreads) {
    return;
  }
#if X
  var windows = windowsOfX();
#else
  var windows = windowsOfSource();
#endif
#if LINES
  if (thread >= lineFrom) {
    windows = linesOfSource();
  }
#endif
  var run = windowRun(windows, thread - windows.first);
#if WEIGHTS
  if (thread >= weightFrom) {
    run = weightRun(thread - weightFrom);
  }
#endif

#if SOURCE
  for (var c = startOf(run); c.i < select(0u, run.count, run.kind == OF_SOURCE); c = next(run, c)) {
    let e = elementsOf(run, c);
    let value = vec4f(sourceAt(e.at.x), sourceAt(e.at.y), sourceAt(e.at.z), sourceAt(e.at.w));
    store(run, c, select(vec4f(), value, e.areInside));
  }
#endif
#if WEIGHTS
  for (var c = startOf(run); c.i < select(0u, run.count, run.kind == OF_WEIGHT); c = next(run, c)) {
    let e = elementsOf(run, c);
    let value = vec4f(f32(weight[e.at.x]), f32(weight[e.at.y]), f32(weight[e.at.z]), f32(weight[e.at.w]));
    store(run, c, select(vec4f(), value, e.areInside));
  }
#endif
#if BIAS
  for (var c = startOf(run); c.i < select(0u, run.count, run.kind == OF_BIAS); c = next(run, c)) {
    let e = elementsOf(run, c);
    let value = vec4f(f32(bias[e.at.x]), f32(bias[e.at.y]), f32(bias[e.at.z]), f32(bias[e.at.w]));
    store(run, c, select(vec4f(), value, e.areInside));
  }
#elif X
  for (var c = startOf(run); c.i < select(0u, run.count, run.kind == OF_X); c = next(run, c)) {
    let e = elementsOf(run, c);
    let value = vec4f(f32(x[e.at.x]), f32(x[e.at.y]), f32(x[e.at.z]), f32(x[e.at.w]));
    store(run, c, select(vec4f(), value, e.areInside));
  }
#endif
}
