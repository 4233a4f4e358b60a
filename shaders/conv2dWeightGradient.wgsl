// conv2dWeightGradient: dW[k, c, kh, kw] = the sum of dy[n, k, h, w] times the input that it met
// there, over all n, h and w; and dB[k] = the sum of dy[n, k, h, w].
// Dispatched by src/autograd/kernels/directGradients.ts.
//
//   accumulate   windows, dy -> sums (slices, packed weights)
//
// "Lines" are the N * H rows of dy, and a slice of them is what one thread adds up, for one block
// of channels k and ROWS "rows": triples of input channel, kh and part. The slices are added later, by
// conv2dWeightSums.wgsl, so the order is fixed. A step reads GROUPS times 4 neighbours of each channel
// of dy and meets them with as many inputs of each row and 4 more, all sums being in registers. With
// HALF the last group has only two of the four.
//
//   windows   shaders/conv2dPack.wgsl, a strip being the whole line
//   dy        the same file's lines, or dy itself where its lines are whole vec4s: with ACTIVATED it
//             then comes through the activation
//   sums      shaders/conv2dPlaces.wgsl

struct Params {
  lines: u32,
  linesPerSlice: u32,
  slices: u32,
  outH: u32,
  steps: u32, // of 4 pixels
  groups: u32,
  blocks: u32, // of channels of dy, in each group
  inChannels: u32, // of each group, and so the next
  outChannels: u32,
  windowRows: u32, // for each plane of x
  kernelH: u32,
  strideH: u32,
  dilationH: u32,
  parts: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> windows: array<vec4<scalar>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<scalar>>;
#if ACTIVATED
@group(0) @binding(3) var<storage, read> activated: array<vec4<scalar>>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec4f>;
#else
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
#endif

const ROWS = 5u;
#if GROUPS_3
const GROUPS = 3u; // which divides the steps of a line; GROUPS_2 is set too
#elif GROUPS_2
const GROUPS = 2u;
#else
const GROUPS = 1u;
#endif
#if TAPS_5
const TAPS = 5u;
#elif TAPS_4
const TAPS = 4u;
#elif TAPS_3
const TAPS = 3u;
#elif TAPS_2
const TAPS = 2u;
#else
const TAPS = 1u;
#endif

// The sums of one row. The flags add up: with TAPS_5, TAPS_4 to TAPS_2 are set too.
struct Row {
  t0: Channels,
#if TAPS_2
  t1: Channels,
#endif
#if TAPS_3
  t2: Channels,
#endif
#if TAPS_4
  t3: Channels,
#endif
#if TAPS_5
  t4: Channels,
#endif
}

// dy at four neighbours.
struct Pixels {
  a: Channels,
  b: Channels,
  c: Channels,
  d: Channels,
}

fn quadAt(at: u32) -> vec4f {
#if ACTIVATED
  return quadGradient(vec4f(dy[at]), vec4f(activated[at]));
#else
  return vec4f(dy[at]);
#endif
}

// Four neighbours of each channel of the block, from `at` of the first one. Channels that there are
// not are the last one again, and are not stored.
fn pixelsAt(at: u32, plane: u32, last: u32) -> Pixels {
  let d0 = quadAt(at);
#if ONE
  return Pixels(Channels(d0.x), Channels(d0.y), Channels(d0.z), Channels(d0.w));
#else
  let d1 = quadAt(at + min(1u, last) * plane);
  let d2 = quadAt(at + min(2u, last) * plane);
  let d3 = quadAt(at + min(3u, last) * plane);
  let low = transpose(mat4x4f(d0, d1, d2, d3));
#if FOUR
  return Pixels(Channels(low[0]), Channels(low[1]), Channels(low[2]), Channels(low[3]));
#else
  let d4 = quadAt(at + min(4u, last) * plane);
  let d5 = quadAt(at + min(5u, last) * plane);
#if SIX
  let high = transpose(mat4x4f(d4, d5, d5, d5));
#else
  let d6 = quadAt(at + min(6u, last) * plane);
  let d7 = quadAt(at + min(7u, last) * plane);
  let high = transpose(mat4x4f(d4, d5, d6, d7));
#endif
  return Pixels(
    channelsOf(low[0], high[0]),
    channelsOf(low[1], high[1]),
    channelsOf(low[2], high[2]),
    channelsOf(low[3], high[3]),
  );
#endif
#endif
}

fn addTap(sum: Channels, x: vec4f, d: Pixels) -> Channels {
  let two = addProduct(addProduct(sum, x.x, d.a), x.y, d.b);
  return addProduct(addProduct(two, x.z, d.c), x.w, d.d);
}

// Adds what four neighbours give: they meet inputs x and, by the taps after the first, next.
fn addGroup(sum: Row, x: vec4f, next: vec4f, d: Pixels) -> Row {
  var row: Row;
  row.t0 = addTap(sum.t0, x, d);
#if TAPS_2
  row.t1 = addTap(sum.t1, vec4f(x.yzw, next.x), d);
#endif
#if TAPS_3
  row.t2 = addTap(sum.t2, vec4f(x.zw, next.xy), d);
#endif
#if TAPS_4
  row.t3 = addTap(sum.t3, vec4f(x.w, next.xyz), d);
#endif
#if TAPS_5
  row.t4 = addTap(sum.t4, next, d);
#endif
  return row;
}

#if HALF
fn addTwo(sum: Channels, x: vec2f, d: Pixels) -> Channels {
  return addProduct(addProduct(sum, x.x, d.a), x.y, d.b);
}

fn addHalf(sum: Row, x: vec4f, next: vec4f, d: Pixels) -> Row {
  var row: Row;
  row.t0 = addTwo(sum.t0, x.xy, d);
#if TAPS_2
  row.t1 = addTwo(sum.t1, x.yz, d);
#endif
#if TAPS_3
  row.t2 = addTwo(sum.t2, x.zw, d);
#endif
#if TAPS_4
  row.t3 = addTwo(sum.t3, vec2f(x.w, next.x), d);
#endif
#if TAPS_5
  row.t4 = addTwo(sum.t4, next.xy, d);
#endif
  return row;
}
#endif

// dy of a step.
struct Step {
  d0: Pixels,
#if GROUPS_2
  d1: Pixels,
#endif
#if GROUPS_3
  d2: Pixels,
#endif
}

fn stepAt(at: u32, plane: u32, last: u32) -> Step {
  var step: Step;
  step.d0 = pixelsAt(at, plane, last);
#if GROUPS_2
  step.d1 = pixelsAt(at + 1u, plane, last);
#endif
#if GROUPS_3
  step.d2 = pixelsAt(at + 2u, plane, last);
#endif
  return step;
}

fn addRow(sum: Row, at: u32, step: Step) -> Row {
  let x0 = vec4f(windows[at]);
#if TAPS_2
  let x1 = vec4f(windows[at + 1u]);
#else
  let x1 = vec4f();
#endif
  var row = addGroup(sum, x0, x1, step.d0);
#if GROUPS_2
  let x2 = vec4f(windows[at + 2u]);
#if GROUPS_3
  let x3 = vec4f(windows[at + 3u]);
  row = addGroup(row, x1, x2, step.d1);
#if HALF
  row = addHalf(row, x2, x3, step.d2);
#else
  row = addGroup(row, x2, x3, step.d2);
#endif
#elif HALF
  row = addHalf(row, x1, x2, step.d1);
#else
  row = addGroup(row, x1, x2, step.d1);
#endif
#endif
  return row;
}

fn addBias(sum: Channels, step: Step) -> Channels {
  var bias = addTap(sum, vec4f(1.0), step.d0);
#if GROUPS_2
  bias = addTap(bias, vec4f(1.0), step.d1); // the other half is of zeros
#endif
#if GROUPS_3
  bias = addTap(bias, vec4f(1.0), step.d2);
#endif
  return bias;
}

// With ADD, for later portions of the work, to what is there.
fn storeQuad(at: u32, value: vec4f) {
#if ADD
  sums[at] += value;
#else
  sums[at] = value;
#endif
}

fn store(at: u32, value: Channels) {
  storeQuad(at, lowOf(value));
  if (QUADS == 2u) {
    storeQuad(at + 1u, highOf(value));
  }
}

fn storeRow(at: u32, row: u32, rows: u32, value: Row) {
  if (row < rows) {
    let to = at + row * TAPS * QUADS;
    store(to, value.t0);
#if TAPS_2
    store(to + QUADS, value.t1);
#endif
#if TAPS_3
    store(to + 2u * QUADS, value.t2);
#endif
#if TAPS_4
    store(to + 3u * QUADS, value.t3);
#endif
#if TAPS_5
    store(to + 4u * QUADS, value.t4);
#endif
  }
}

// vec4fs of a window.
fn windowLength() -> u32 {
  return params.steps + 1u;
}

// Where the windows of a row begin, for a line of dy that begins at 0.
fn rowStart(row: u32) -> u32 {
  let p = params;
  let part = row % p.parts;
  let i = row / p.parts;
  let windowRow = i / p.kernelH * p.windowRows + i % p.kernelH * p.dilationH;
  return (windowRow * p.parts + part) * windowLength();
}

@compute @workgroup_size(WORKGROUP)
fn accumulate(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let rows = p.inChannels * p.kernelH * p.parts;
  let rowBlocks = max(1u, (rows + ROWS - 1u) / ROWS); // the bias needs one
  let blocks = p.groups * p.blocks;
  var thread = threadIndex(id, groups);
  if (thread >= rowBlocks * blocks * p.slices) {
    return;
  }
  let row = thread % rowBlocks * ROWS;
  thread /= rowBlocks;
  let block = thread % blocks;
  let slice = thread / blocks;

  // Rows after the last one read the last one again, and are not stored.
  let last = max(rows, 1u) - 1u;
  let start0 = rowStart(row);
  let start1 = rowStart(min(row + 1u, last));
  let start2 = rowStart(min(row + 2u, last));
  let start3 = rowStart(min(row + 3u, last));
  let start4 = rowStart(min(row + 4u, last));
  var row0 = Row();
  var row1 = Row();
  var row2 = Row();
  var row3 = Row();
  var row4 = Row();
  var bias = Channels();

  // One loop over lines and their steps: each level of nesting would copy all the sums.
  let perWindowRow = p.parts * windowLength();
  let nextLine = p.strideH * perWindowRow - p.steps;
  let nextImage = p.groups * p.inChannels * p.windowRows * perWindowRow - p.outH * p.strideH * perWindowRow;
  let firstLine = slice * p.linesPerSlice;
  let end = min(firstLine + p.linesPerSlice, p.lines) * p.steps;
  let image = firstLine / p.outH;
  var h = firstLine - image * p.outH;
  let group = block / p.blocks;
  let plane = (image * p.groups + group) * p.inChannels;
  var at = (plane * p.windowRows + h * p.strideH) * perWindowRow;
  let channel = (block - group * p.blocks) * CHANNELS;
  let lastChannel = p.outChannels - 1u - channel;
  let dyPlane = p.outH * p.steps;
  let nextDyImage = (p.groups * p.outChannels - 1u) * dyPlane;
  var dyAt = ((image * p.groups + group) * p.outChannels + channel) * dyPlane + h * p.steps;
  var step = 0u;
  for (var i = firstLine * p.steps; i < end; i += GROUPS) {
    let d = stepAt(dyAt, dyPlane, lastChannel);
    row0 = addRow(row0, at + start0, d);
    row1 = addRow(row1, at + start1, d);
    row2 = addRow(row2, at + start2, d);
    row3 = addRow(row3, at + start3, d);
    row4 = addRow(row4, at + start4, d);
    bias = addBias(bias, d);

    at += GROUPS;
    dyAt += GROUPS;
    step += GROUPS;
    let lineDone = step == p.steps;
    step = select(step, 0u, lineDone);
    at += select(0u, nextLine, lineDone);
    h += select(0u, 1u, lineDone);
    let imageDone = h == p.outH;
    h = select(h, 0u, imageDone);
    at += select(0u, nextImage, imageDone);
    dyAt += select(0u, nextDyImage, imageDone);
  }

  let to = (slice * blocks + block) * (1u + rows) * TAPS * QUADS;
  if (row == 0u) {
    store(to, bias);
  }
  storeRow(to + TAPS * QUADS, row, rows, row0);
  storeRow(to + TAPS * QUADS, row + 1u, rows, row1);
  storeRow(to + TAPS * QUADS, row + 2u, rows, row2);
  storeRow(to + TAPS * QUADS, row + 3u, rows, row3);
  storeRow(to + TAPS * QUADS, row + 4u, rows, row4);
}
