// conv2d: cross-correlation of windows of x with the weights.
// Dispatched by src/autograd/kernels/correlate.ts.
//
//   convolve   windows, weights -> y (N, K, ...), or every yStep-th element of it
//
// One thread for PIXELS neighbours of one row of y and one block of channels. Memory accesses cost
// more than arithmetic, so all its sums stay in registers: each step reads the inputs that its
// pixels need for up to 5 neighbouring taps, and one weight for each tap and channel.
//
// Both inputs are packed, so that every read is a whole vec4 and there are no edges to check:
//   windows   shaders/conv2dPack.wgsl; PIXELS + 4 inputs, of which pixel p needs p to p + 4
//   weights   shaders/conv2dPlaces.wgsl; the bias of each block comes first
// They are arrays of what one step reads, whose bounds are then checked once for all of it.
// A row of taps is dealt out to `parts` of TAPS taps each, see shaders/conv2dTaps.wgsl. With RAGGED,
// parts from wholeParts on have one tap less.
//
// Four neighbouring threads have a block of channels in common, and with SUBGROUPS read its weights
// together. With `lanes` 4 they have the same pixels of four images, and so the same taps that would
// multiply rows of zeros: those are skipped, and such rows need not be in the windows.
//
// With FULL (of 5 taps, for an input gradient) every input meets every tap: the window is a line of
// up to 10 inputs, and the four zeros on both sides of it are neither read nor multiplied.

struct Params {
  n: u32,
  groups: u32,
  blocks: u32, // of channels, in each group
  inChannels: u32, // of each group, and so the next
  outChannels: u32,
  rows: u32, // of windows, for each plane of x
  paddingH: u32, // rows of zeros before the first, which are not there; as many as it takes after it
  kernelH: u32,
  strideH: u32,
  dilationH: u32,
  parts: u32,
  wholeParts: u32,
  strips: u32, // of PIXELS pixels, in a row of y
  lanes: u32, // threads for the same pixels of as many images
  blockThreads: u32, // for each block of channels, a multiple of 4
  outH: u32,
  outW: u32,
  yStart: u32, // where the first pixel goes, in a plane of y
  yRow: u32, // elements from one row to the next
  yStep: u32, // elements from one pixel to the next
  yPlane: u32, // elements of a plane
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> windows: array<array<vec4<scalar>, WINDOW>>;
@group(0) @binding(2) var<storage, read> weights: array<array<vec4<scalar>, TAPS * QUADS>>;
@group(0) @binding(3) var<storage, read_write> y: array<scalar>;

#if PIXELS_14
const PIXELS = 14u;
#if FULL
const WINDOW = 3u; // vec4s
#else
const WINDOW = 5u;
#endif
#elif PIXELS_10
const PIXELS = 10u;
const WINDOW = 4u;
#elif PIXELS_8
const PIXELS = 8u;
const WINDOW = 3u;
#else
const PIXELS = 4u;
const WINDOW = 2u;
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

// The flags add up: with TAPS_5, TAPS_4 to TAPS_2 are set too.
struct Taps {
  isWhole: bool, // false where the last one is idle
  w0: Channels,
#if TAPS_2
  w1: Channels,
#endif
#if TAPS_3
  w2: Channels,
#endif
#if TAPS_4
  w3: Channels,
#endif
#if TAPS_5
  w4: Channels,
#endif
}

// Two neighbours.
struct Pixels {
  a: Channels,
  b: Channels,
}

fn windowAt(at: u32, quad: u32) -> vec4f {
  return vec4f(windows[at][quad]);
}

fn weightAt(entry: u32, quad: u32) -> vec4f {
  return vec4f(weights[entry][quad]);
}

fn tapAt(entry: u32, tap: u32) -> Channels {
  return channelsOf(weightAt(entry, tap * QUADS), weightAt(entry, tap * QUADS + QUADS - 1u));
}

#if SHARED
// The weights of an entry, of which each thread of a quad reads a quarter.
@diagnostic(off, subgroup_uniformity)
fn tapsAt(entry: u32, lane: u32, isWhole: bool) -> Taps {
  const last = TAPS * QUADS - 1u;
  var taps: Taps;
  taps.isWhole = isWhole;
  let q0 = weightAt(entry, min(lane, last));
  taps.w0 = channelsOf(quadBroadcast(q0, 0u), quadBroadcast(q0, 1u));
#if TAPS_2
  taps.w1 = channelsOf(quadBroadcast(q0, 2u), quadBroadcast(q0, 3u));
#endif
#if TAPS_3
  let q4 = weightAt(entry, min(4u + lane, last));
  taps.w2 = channelsOf(quadBroadcast(q4, 0u), quadBroadcast(q4, 1u));
#endif
#if TAPS_4
  taps.w3 = channelsOf(quadBroadcast(q4, 2u), quadBroadcast(q4, 3u));
#endif
#if TAPS_5
  let q8 = weightAt(entry, min(8u + lane, last));
  taps.w4 = channelsOf(quadBroadcast(q8, 0u), quadBroadcast(q8, 1u));
#endif
  return taps;
}
#else
fn tapsAt(entry: u32, lane: u32, isWhole: bool) -> Taps {
  var taps: Taps;
  taps.isWhole = isWhole;
  taps.w0 = tapAt(entry, 0u);
#if TAPS_2
  taps.w1 = tapAt(entry, 1u);
#endif
#if TAPS_3
  taps.w2 = tapAt(entry, 2u);
#endif
#if TAPS_4
  taps.w3 = tapAt(entry, 3u);
#endif
#if TAPS_5
  taps.w4 = tapAt(entry, 4u);
#endif
  return taps;
}
#endif

// The input that a tap multiplies. An idle one has weight 0, but 0 * Inf would be NaN.
fn input(x: f32, tap: u32, w: Taps) -> f32 {
#if RAGGED
  return select(0.0, x, w.isWhole || tap + 1u < TAPS);
#else
  return x;
#endif
}

// Adds to one pixel its inputs times the weights: inputs x.xyzw and last.
fn addPixel(pixel: Channels, x: vec4f, last: f32, w: Taps) -> Channels {
  var sum = addProduct(pixel, x.x, w.w0);
#if TAPS_2
  sum = addProduct(sum, input(x.y, 1u, w), w.w1);
#endif
#if TAPS_3
  sum = addProduct(sum, input(x.z, 2u, w), w.w2);
#endif
#if TAPS_4
  sum = addProduct(sum, input(x.w, 3u, w), w.w3);
#endif
#if TAPS_5
  sum = addProduct(sum, input(last, 4u, w), w.w4);
#endif
  return sum;
}

fn addPixels(sum: Pixels, x: vec4f, last: vec2f, w: Taps) -> Pixels {
  return Pixels(
    addPixel(sum.a, x, last.x, w),
    addPixel(sum.b, vec4f(x.yzw, last.x), last.y, w),
  );
}

#if FULL
// The pixels at both ends, which have fewer inputs: the first ones of the line the last taps, the last
// ones the first taps.
fn addStart(sum: Pixels, x: vec2f, w: Taps) -> Pixels {
  return Pixels(
    addProduct(sum.a, x.x, w.w4),
    addProduct(addProduct(sum.b, x.x, w.w3), x.y, w.w4),
  );
}

fn addSecond(sum: Pixels, x: vec4f, w: Taps) -> Pixels {
  let a = addProduct(addProduct(addProduct(sum.a, x.x, w.w2), x.y, w.w3), x.z, w.w4);
  let b = addProduct(addProduct(addProduct(sum.b, x.x, w.w1), x.y, w.w2), x.z, w.w3);
  return Pixels(a, addProduct(b, x.w, w.w4));
}

fn addSecondLast(sum: Pixels, x: vec4f, w: Taps) -> Pixels {
  let a = addProduct(addProduct(addProduct(sum.a, x.x, w.w0), x.y, w.w1), x.z, w.w2);
  let b = addProduct(addProduct(addProduct(sum.b, x.y, w.w0), x.z, w.w1), x.w, w.w2);
  return Pixels(addProduct(a, x.w, w.w3), b);
}

fn addLast(sum: Pixels, x: vec2f, w: Taps) -> Pixels {
  return Pixels(
    addProduct(addProduct(sum.a, x.x, w.w0), x.y, w.w1),
    addProduct(sum.b, x.y, w.w0),
  );
}
#endif

// The part of y that a thread may write.
struct Target {
  at: u32,
  pixels: u32,
  channels: u32,
}

fn store(at: u32, value: f32) {
  y[at] = scalar(activate(value));
}

fn storePixel(to: Target, pixel: u32, value: Channels) {
  if (pixel < to.pixels) {
    let at = to.at + pixel * params.yStep;
    let plane = params.yPlane;
    let low = lowOf(value);
    let high = highOf(value);
    store(at, low.x);
    if (to.channels > 1u) { store(at + plane, low.y); }
    if (to.channels > 2u) { store(at + 2u * plane, low.z); }
    if (to.channels > 3u) { store(at + 3u * plane, low.w); }
    if (to.channels > 4u) { store(at + 4u * plane, high.x); }
    if (to.channels > 5u) { store(at + 5u * plane, high.y); }
    if (to.channels > 6u) { store(at + 6u * plane, high.z); }
    if (to.channels > 7u) { store(at + 7u * plane, high.w); }
  }
}

fn storePixels(to: Target, pixel: u32, value: Pixels) {
  storePixel(to, pixel, value.a);
  storePixel(to, pixel + 1u, value.b);
}

#if SHARED
@diagnostic(off, subgroup_uniformity)
#endif
@compute @workgroup_size(WORKGROUP)
fn convolve(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
#if SUBGROUPS
  @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
) {
  let p = params;
#if SHARED
  let lane = inSubgroup % 4u;
  let thread = threadOfQuad(threadIndex(id, groups), inSubgroup);
#else
  let lane = 0u;
  let thread = threadIndex(id, groups);
#endif
  let block = thread / p.blockThreads; // of all groups
  if (block >= p.groups * p.blocks) {
    return;
  }
  let group = block / p.blocks;
  var i = thread - block * p.blockThreads;
  let fellow = i % p.lanes;
  i /= p.lanes;
  let strip = i % p.strips;
  i /= p.strips;
  let h = i % p.outH;
  let wanted = i / p.outH * p.lanes + fellow;
  let image = min(wanted, p.n - 1u); // a thread too many works for nothing, and stores nothing

  // The taps whose rows are there.
  let dilation = i32(p.dilationH);
  let top = i32(h * p.strideH) - i32(p.paddingH);
  let kernel = i32(p.kernelH);
  let firstTap = min((max(0, -top) + dilation - 1) / dilation, kernel);
  let endTap = clamp((max(0, i32(p.rows) - top) + dilation - 1) / dilation, firstTap, kernel);
  let taps = u32(endTap - firstTap);

  let entries = p.inChannels * p.kernelH * p.parts;
  var entry = block * (1u + entries);
  let first = tapAt(entry, 0u);
  let bias = Pixels(first, first);
  entry += 1u + u32(firstTap) * p.parts;
  var p0 = bias;
  var p2 = bias;
  var p4 = bias;
  var p6 = bias;
  var p8 = bias;
  var p10 = bias;
  var p12 = bias;

  // One loop over planes, rows of taps and parts: each level of nesting would copy all the sums.
  let perRow = p.strips * p.parts;
  let nextRow = p.dilationH * perRow - p.parts;
  let nextPlane = (p.rows - taps * p.dilationH) * perRow; // back a little, modulo 2^32, or on
  let plane = (image * p.groups + group) * p.inChannels;
  let row = u32(i32(plane * p.rows) + top + firstTap * dilation);
  var at = row * perRow + strip * p.parts;
  var part = 0u;
  var tapH = 0u;
  for (var left = p.inChannels * taps * p.parts; left > 0u; left--) {
    let w = tapsAt(entry, lane, part < p.wholeParts);
#if FULL
    let x0 = windowAt(at, 0u);
    let x4 = windowAt(at, 1u);
    let x8 = windowAt(at, 2u);
    p0 = addStart(p0, x0.xy, w);
    p2 = addSecond(p2, x0, w);
    p4 = addPixels(p4, x0, x4.xy, w);
    p6 = addPixels(p6, vec4f(x0.zw, x4.xy), x4.zw, w);
    p8 = addPixels(p8, x4, x8.xy, w);
    p10 = addSecondLast(p10, vec4f(x4.zw, x8.xy), w);
    p12 = addLast(p12, x8.xy, w);
#else
    let x0 = windowAt(at, 0u);
    let x4 = windowAt(at, 1u);
    p0 = addPixels(p0, x0, x4.xy, w);
    p2 = addPixels(p2, vec4f(x0.zw, x4.xy), x4.zw, w);
#if PIXELS_8
    let x8 = windowAt(at, 2u);
    p4 = addPixels(p4, x4, x8.xy, w);
    p6 = addPixels(p6, vec4f(x4.zw, x8.xy), x8.zw, w);
#elif PIXELS_10
    let x8 = windowAt(at, 2u);
    let x12 = windowAt(at, 3u);
    p4 = addPixels(p4, x4, x8.xy, w);
    p6 = addPixels(p6, vec4f(x4.zw, x8.xy), x8.zw, w);
    p8 = addPixels(p8, x8, x12.xy, w);
#elif PIXELS_14
    let x8 = windowAt(at, 2u);
    let x12 = windowAt(at, 3u);
    let x16 = windowAt(at, 4u);
    p4 = addPixels(p4, x4, x8.xy, w);
    p6 = addPixels(p6, vec4f(x4.zw, x8.xy), x8.zw, w);
    p8 = addPixels(p8, x8, x12.xy, w);
    p10 = addPixels(p10, vec4f(x8.zw, x12.xy), x12.zw, w);
    p12 = addPixels(p12, x12, x16.xy, w);
#endif
#endif

    at++;
    entry++;
    part++;
    let rowDone = part == p.parts;
    part = select(part, 0u, rowDone);
    at += select(0u, nextRow, rowDone);
    tapH += select(0u, 1u, rowDone);
    let planeDone = tapH == taps;
    tapH = select(tapH, 0u, planeDone);
    at += select(0u, nextPlane, planeDone);
    entry += select(0u, (p.kernelH - taps) * p.parts, planeDone);
  }
  if (wanted >= p.n) {
    return;
  }

  let channel = (block - group * p.blocks) * CHANNELS;
  let outPlane = (image * p.groups + group) * p.outChannels + channel;
  let to = Target(
    outPlane * p.yPlane + p.yStart + h * p.yRow + strip * PIXELS * p.yStep,
    p.outW - strip * PIXELS,
    min(CHANNELS, p.outChannels - channel),
  );
  storePixels(to, 0u, p0);
  storePixels(to, 2u, p2);
#if PIXELS_8
  storePixels(to, 4u, p4);
  storePixels(to, 6u, p6);
#elif PIXELS_10
  storePixels(to, 4u, p4);
  storePixels(to, 6u, p6);
  storePixels(to, 8u, p8);
#elif PIXELS_14
  storePixels(to, 4u, p4);
  storePixels(to, 6u, p6);
  storePixels(to, 8u, p8);
  storePixels(to, 10u, p10);
  storePixels(to, 12u, p12);
#endif
}
