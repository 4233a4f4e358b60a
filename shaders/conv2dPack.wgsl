// conv2dPack: lays out what the kernels of a convolution read, as whole vec4s without edges to check.
// Dispatched by src/autograd/kernels/convolutionPack.ts.
//
//   pack   two arrays in one dispatch, into places of `packed`
//
//   CONVOLVE, for conv2d.wgsl:
//     source (N, C, H, W)  -> windows (planes, rows, strips, parts, window) of vec4
//     weight, bias         -> weights, as conv2dPlaces.wgsl says; zeros where there is no such channel
//                             or tap, or no bias; each of two parts that share a tap has half of it
//   ACCUMULATE, for conv2dWeightGradient.wgsl:
//     x (N, C, H, W)       -> xWindows, a strip being the whole line
//     source (N, K, H, W)  -> lines (planes, lines, steps) of vec4, zeros at the end
//
// With ACTIVATED, source is dL/dy of an activated y, and comes through the activation.
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
  firstLine: i32,
  lines: u32, // of each plane
  steps: u32, // vec4s of a line
}

@group(0) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> source: array<scalar>;
#if ACTIVATED
@group(0) @binding(2) var<storage, read> activated: array<scalar>;
const INPUTS = 2u;
#else
const INPUTS = 1u;
#endif

// Then weight and bias, or weight and x, or x.
#if CONVOLVE
@group(0) @binding(INPUTS + 1u) var<storage, read> weight: array<scalar>;
const WITH_WEIGHT = INPUTS + 1u;
#else
const WITH_WEIGHT = INPUTS;
#endif
#if BIAS
@group(0) @binding(WITH_WEIGHT + 1u) var<storage, read> bias: array<scalar>;
const WITH_ALL = WITH_WEIGHT + 1u;
#elif ACCUMULATE
@group(0) @binding(WITH_WEIGHT + 1u) var<storage, read> x: array<scalar>;
const WITH_ALL = WITH_WEIGHT + 1u;
#else
const WITH_ALL = WITH_WEIGHT;
#endif

@group(0) @binding(WITH_ALL + 1u) var<storage, read_write> packed: array<vec4<scalar>>;

const SOURCE = 0u;
const X = 1u;
const WEIGHT = 2u;
#if BIAS
const BIASES = 3u;
const BIAS_TAPS = 1u; // the tap at which it is
#else
const BIASES = WEIGHT; // of which nothing is read
const BIAS_TAPS = 0u;
#endif

// What a thread makes: some vec4s. Where threads of one dispatch take different branches, some
// adapters run each branch for all of them, and a loop once: so there is a loop for each array that is
// read, and the rest is common to all.
struct Run {
  kind: u32, // what it reads
  to: u32, // the first vec4; the others follow
  toStep: u32,
  count: u32,
  some: u32, // those after so many are zeros
  at: i32, // where it reads, for column 0
  atStep: i32, // from one vec4 to the next
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
  let to = w.to + i * w.window + quad;
  let part = i % w.taps.parts;
  i /= w.taps.parts;
  let strip = i % w.strips;
  i /= w.strips;
  let plane = i / w.rows;
  let h = i32(i - plane * w.rows) - w.paddingH;
  let count = min(w.each, w.window - quad);
  let pixel = strip * w.pixels + 4u * quad;
  return Run(
    w.kind, to, 1u, count,
    select(0u, count, h >= 0 && h < i32(w.inH)),
    i32(w.start) + (i32(plane * w.inH) + h) * i32(w.inW),
    0, 1,
    i32(pixel * w.strideW + firstKw(w.taps, part) * w.dilationW) - w.paddingW,
    i32(4u * w.strideW), i32(w.strideW), i32(w.inW) - 1,
    vec2u(),
  );
}

#if CONVOLVE
fn windowsOfSource() -> Windows {
  let p = params;
  return Windows(
    SOURCE, 0u, 0u, p.each, p.start, p.inH, p.inW, p.rows, p.strips, p.pixels, p.window, layoutOfTaps(),
    p.strideW, p.dilationW, p.paddingH, p.paddingW,
  );
}

// Four channels of the taps of an entry.
fn weightRun(thread: u32) -> Run {
  let p = params;
  let quad = thread % QUADS;
  let entry = thread / QUADS;
  let block = entry / entriesOfBlock();
  let place = placeOf(block, entry - block * entriesOfBlock(), quad);
  let taps = (max(p.kernelW, place.kw) - place.kw + p.phases - 1u) / p.phases;
  return Run(
    select(WEIGHT, BIASES, place.isBias),
    p.weightTo + entry * p.taps * QUADS + quad, QUADS, p.taps,
    select(taps, BIAS_TAPS, place.isBias),
    select(place.at, i32(place.channel), place.isBias),
    i32(p.phases) * p.strideKw,
    select(p.strideOut, 1, place.isBias),
    0, 0, 1, i32(place.count) - 1,
    sharedTaps(layoutOfTaps(), place.part),
  );
}
#endif

#if ACCUMULATE
fn windowsOfX() -> Windows {
  let p = params;
  return Windows(
    X, p.windowThreads, p.xTo, p.xEach, p.xStart, p.xInH, p.xInW, p.xRows, 1u, 0u, p.xWindow,
    TapLayout(p.xKernelW, p.xPhases, p.xParts, p.xTaps),
    p.xStrideW, p.xDilationW, p.xPaddingH, p.xPaddingW,
  );
}

fn linesOfSource() -> Windows {
  let p = params;
  return Windows(
    SOURCE, p.windowThreads + p.xThreads, p.lineTo, p.lineEach, p.start, p.inH, p.inW, p.lines, 1u, 0u, p.steps,
    TapLayout(1u, 1u, 1u, 1u), 1u, 1u, -p.firstLine, 0,
  );
}
#endif

// The elements of vec4 i of a run: where they are in their array, if they are in there.
struct Elements {
  at: vec4i,
  areInside: vec4<bool>,
}

fn elementsOf(run: Run, i: u32) -> Elements {
  let columns = run.column + i32(i) * run.columnStep + vec4i(0, 1, 2, 3) * run.step;
  let nearest = clamp(columns, vec4i(), vec4i(max(run.last, 0))); // reading it costs less than a branch
  return Elements(
    run.at + i32(i) * run.atStep + nearest * run.stride,
    (columns == nearest) & vec4<bool>(i < run.some && run.last >= 0),
  );
}

fn store(run: Run, i: u32, value: vec4f) {
  let isHalf = i >= run.half.x && i < run.half.y;
  packed[run.to + i * run.toStep] = vec4<scalar>(select(value, 0.5 * value, isHalf));
}

fn sourceAt(i: i32) -> f32 {
#if ACTIVATED
  return activationGradient(f32(source[i]), f32(activated[i]));
#else
  return f32(source[i]);
#endif
}

@compute @workgroup_size(WORKGROUP)
fn pack(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let thread = threadIndex(id, groups);
  let lineFrom = p.windowThreads + p.xThreads;
  let weightFrom = lineFrom + p.lineThreads;
  if (thread >= weightFrom + p.weightThreads) {
    return;
  }
#if CONVOLVE
  var windows = windowsOfSource();
#else
  var windows = windowsOfX();
#endif
#if ACCUMULATE
  if (thread >= p.windowThreads) {
    windows = windowsOfX();
  }
  if (thread >= lineFrom) {
    windows = linesOfSource();
  }
#endif
  var run = windowRun(windows, thread - windows.first);
#if CONVOLVE
  if (thread >= weightFrom) {
    run = weightRun(thread - weightFrom);
  }
#endif

  for (var i = 0u; i < select(0u, run.count, run.kind == SOURCE); i++) {
    let e = elementsOf(run, i);
    let value = vec4f(sourceAt(e.at.x), sourceAt(e.at.y), sourceAt(e.at.z), sourceAt(e.at.w));
    store(run, i, select(vec4f(), value, e.areInside));
  }
#if CONVOLVE
  for (var i = 0u; i < select(0u, run.count, run.kind == WEIGHT); i++) {
    let e = elementsOf(run, i);
    let value = vec4f(f32(weight[e.at.x]), f32(weight[e.at.y]), f32(weight[e.at.z]), f32(weight[e.at.w]));
    store(run, i, select(vec4f(), value, e.areInside));
  }
#endif
#if BIAS
  for (var i = 0u; i < select(0u, run.count, run.kind == BIASES); i++) {
    let e = elementsOf(run, i);
    let value = vec4f(f32(bias[e.at.x]), f32(bias[e.at.y]), f32(bias[e.at.z]), f32(bias[e.at.w]));
    store(run, i, select(vec4f(), value, e.areInside));
  }
#elif ACCUMULATE
  for (var i = 0u; i < select(0u, run.count, run.kind == X); i++) {
    let e = elementsOf(run, i);
    let value = vec4f(f32(x[e.at.x]), f32(x[e.at.y]), f32(x[e.at.z]), f32(x[e.at.w]));
    store(run, i, select(vec4f(), value, e.areInside));
  }
#endif
}
