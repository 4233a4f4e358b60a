// conv2dGemm: a convolution and its gradients as products of matrices that are never built, by tiles in
// workgroup memory; for each group
//
//   multiply                 rows        columns            depth
//     (forward)              K           pixels of y        C kH kW   source is x, other weight
//     INPUT_GRADIENT         C           pixels of dx       K kH kW   source is dy, other weight
//     WEIGHT_GRADIENT        K           C kH kW, and one   pixels    source is dy, other x; into sums
//   addSplits   sums -> dW, dB: the depth of a weight gradient is split, the parts are added in order
//
// Dispatched by src/autograd/kernels/gemm.ts. With ACTIVATED, dy comes through the activation. The
// last column of a weight gradient, for the bias, is one of ones.
//
// 64 threads have a tile of TILE x TILE sums, in registers; in each step they bring DEPTH columns of the
// left matrix and rows of the right one to workgroup memory.

struct Params {
  n: u32,
  groups: u32,
  inChannels: u32, // of each group, and so the next
  outChannels: u32,
  inH: u32,
  inW: u32,
  outH: u32,
  outW: u32,
  kernelH: u32,
  kernelW: u32,
  strideH: u32,
  strideW: u32,
  dilationH: u32,
  dilationW: u32,
  paddingH: i32,
  paddingW: i32,
  rows: u32, // of the product
  columns: u32,
  depth: u32,
  splits: u32,
  perSplit: u32, // of the depth
}

@group(0) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> source: array<scalar>;
#if ACTIVATED
@group(0) @binding(2) var<storage, read> activated: array<scalar>;
const INPUTS = 2u;
#else
const INPUTS = 1u;
#endif
@group(0) @binding(INPUTS + 1u) var<storage, read> other: array<scalar>;
#if WEIGHT_GRADIENT
@group(0) @binding(INPUTS + 2u) var<storage, read_write> sums: array<f32>;
#elif BIAS
@group(0) @binding(INPUTS + 2u) var<storage, read> bias: array<scalar>;
@group(0) @binding(INPUTS + 3u) var<storage, read_write> y: array<scalar>;
#else
@group(0) @binding(INPUTS + 2u) var<storage, read_write> y: array<scalar>;
#endif

const THREADS = 64u;
const DEPTH = 16u;
#if LARGE
const TILE = 64u;
#else
const TILE = 32u;
#endif
const QUADS = TILE / 4u;
const ACROSS = 8u; // threads of a row of the tile

var<workgroup> left: array<array<vec4f, QUADS>, DEPTH>;
var<workgroup> right: array<array<vec4f, QUADS>, DEPTH>;

fn sourceAt(i: u32) -> f32 {
#if ACTIVATED
  return activationGradient(f32(source[i]), f32(activated[i]));
#else
  return f32(source[i]);
#endif
}

// A pixel of the output, or of dx: where its image begins, and where its window.
struct Pixel {
  image: u32,
  h: i32,
  w: i32,
}

// A channel, as the place of its plane, and a tap of the window.
struct Tap {
  plane: u32,
  h: i32,
  w: i32,
}

fn pixelOf(i: u32, group: u32) -> Pixel {
  let p = params;
#if INPUT_GRADIENT
  let image = i / (p.inH * p.inW);
  let h = i / p.inW % p.inH;
  return Pixel(
    (image * p.groups + group) * p.outChannels * p.outH * p.outW,
    i32(h) + p.paddingH,
    i32(i % p.inW) + p.paddingW,
  );
#else
  let image = i / (p.outH * p.outW);
  let h = i / p.outW % p.outH;
  return Pixel(
    (image * p.groups + group) * p.inChannels * p.inH * p.inW,
    i32(h * p.strideH) - p.paddingH,
    i32(i % p.outW * p.strideW) - p.paddingW,
  );
#endif
}

fn tapOf(i: u32) -> Tap {
  let p = params;
  let channel = i / (p.kernelH * p.kernelW);
  let h = i / p.kernelW % p.kernelH * p.dilationH;
  let w = i % p.kernelW * p.dilationW;
#if INPUT_GRADIENT
  return Tap(channel * p.outH * p.outW, i32(h), i32(w));
#else
  return Tap(channel * p.inH * p.inW, i32(h), i32(w));
#endif
}

// What the tap meets at the pixel; 0 in the padding and, of dy, between the strides.
fn met(pixel: Pixel, tap: Tap) -> f32 {
  let p = params;
#if INPUT_GRADIENT
  let strideH = i32(p.strideH);
  let strideW = i32(p.strideW);
  let h = (pixel.h - tap.h) / strideH;
  let w = (pixel.w - tap.w) / strideW;
  let isInside = h * strideH + tap.h == pixel.h && w * strideW + tap.w == pixel.w
    && h >= 0 && h < i32(p.outH) && w >= 0 && w < i32(p.outW);
  let at = pixel.image + tap.plane + u32(h) * p.outW + u32(w);
  if (isInside) {
    return sourceAt(at);
  }
#else
  let h = pixel.h + tap.h;
  let w = pixel.w + tap.w;
  let isInside = h >= 0 && h < i32(p.inH) && w >= 0 && w < i32(p.inW);
  let at = pixel.image + tap.plane + u32(h) * p.inW + u32(w);
  if (isInside) {
#if WEIGHT_GRADIENT
    return f32(other[at]);
#else
    return sourceAt(at);
#endif
  }
#endif
  return 0.0;
}

fn leftElement(row: u32, k: u32, group: u32, end: u32) -> f32 {
  let p = params;
  if (row >= p.rows || k >= end) {
    return 0.0;
  }
#if WEIGHT_GRADIENT
  let pixels = p.outH * p.outW;
  let image = k / pixels;
  let plane = (image * p.groups + group) * p.outChannels + row;
  return sourceAt(plane * pixels + k - image * pixels);
#elif INPUT_GRADIENT
  let taps = p.kernelH * p.kernelW;
  let channel = k / taps;
  return f32(other[((group * p.outChannels + channel) * p.inChannels + row) * taps + k - channel * taps]);
#else
  return f32(other[(group * p.rows + row) * p.depth + k]);
#endif
}

// What a column is made of; each thread brings the same four columns in every step.
#if WEIGHT_GRADIENT
alias Column = Tap;

fn columnOf(i: u32, group: u32) -> Column {
  return tapOf(i);
}

fn rightElement(column: Column, i: u32, k: u32, group: u32, end: u32) -> f32 {
  if (i >= params.columns || k >= end) {
    return 0.0;
  }
  if (i == params.inChannels * params.kernelH * params.kernelW) {
    return 1.0;
  }
  return met(pixelOf(k, group), column);
}
#else
alias Column = Pixel;

fn columnOf(i: u32, group: u32) -> Column {
  return pixelOf(i, group);
}

fn rightElement(column: Column, i: u32, k: u32, group: u32, end: u32) -> f32 {
  if (i >= params.columns || k >= end) {
    return 0.0;
  }
  return met(column, tapOf(k));
}
#endif

fn addOuter(sum: mat4x4f, a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(a.x), b, sum[0]),
    fma(vec4f(a.y), b, sum[1]),
    fma(vec4f(a.z), b, sum[2]),
    fma(vec4f(a.w), b, sum[3]),
  );
}

fn result(sum: f32) -> f32 {
#if INPUT_GRADIENT
  return sum; // the activation is that of dy
#else
  return activate(sum);
#endif
}

// Four rows of four columns.
fn store(row: u32, column: u32, group: u32, split: u32, values: mat4x4f) {
  let p = params;
  for (var j = 0u; j < 4u; j++) {
    let i = column + j;
    if (i >= p.columns) {
      return;
    }
#if WEIGHT_GRADIENT
    let step = p.columns;
    var at = ((split * p.groups + group) * p.rows + row) * step + i;
#else
#if INPUT_GRADIENT
    let step = p.inH * p.inW;
#else
    let step = p.outH * p.outW;
#endif
    let image = i / step;
    var at = ((image * p.groups + group) * p.rows + row) * step + i - image * step;
#endif
    for (var r = 0u; r < min(4u, max(row, p.rows) - row); r++) {
      let value = values[r][j];
#if WEIGHT_GRADIENT
      sums[at] = value;
#elif BIAS
      y[at] = scalar(result(value + f32(bias[group * p.rows + row + r])));
#else
      y[at] = scalar(result(value));
#endif
      at += step;
    }
  }
}

@compute @workgroup_size(64)
fn multiply(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let p = params;
  let columnTiles = (p.columns + TILE - 1u) / TILE;
  let rowTiles = (p.rows + TILE - 1u) / TILE;
  var tile = id.x + id.y * workgroups.x;
  if (tile >= columnTiles * rowTiles * p.groups * p.splits) {
    return;
  }
  let firstColumn = tile % columnTiles * TILE;
  tile /= columnTiles;
  let firstRow = tile % rowTiles * TILE;
  tile /= rowTiles;
  let group = tile % p.groups;
  let split = tile / p.groups;

  let rightQuad = thread % QUADS;
  let i = firstColumn + 4u * rightQuad;
  let column0 = columnOf(i, group);
  let column1 = columnOf(i + 1u, group);
  let column2 = columnOf(i + 2u, group);
  let column3 = columnOf(i + 3u, group);

  let down = thread / ACROSS;
  let across = thread % ACROSS;
  var sum00 = mat4x4f();
#if LARGE
  var sum01 = mat4x4f();
  var sum10 = mat4x4f();
  var sum11 = mat4x4f();
#endif

  let end = min((split + 1u) * p.perSplit, p.depth);
  for (var first = split * p.perSplit; first < end; first += DEPTH) {
    // Neighbouring threads bring neighbours in memory: of the left matrix along the depth.
    for (var quad = thread / DEPTH; quad < QUADS; quad += THREADS / DEPTH) {
      let k = first + thread % DEPTH;
      let row = firstRow + 4u * quad;
      left[thread % DEPTH][quad] = vec4f(
        leftElement(row, k, group, end),
        leftElement(row + 1u, k, group, end),
        leftElement(row + 2u, k, group, end),
        leftElement(row + 3u, k, group, end),
      );
    }
    for (var d = thread / QUADS; d < DEPTH; d += THREADS / QUADS) {
      let k = first + d;
      right[d][rightQuad] = vec4f(
        rightElement(column0, i, k, group, end),
        rightElement(column1, i + 1u, k, group, end),
        rightElement(column2, i + 2u, k, group, end),
        rightElement(column3, i + 3u, k, group, end),
      );
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
#if LARGE
      let a0 = left[d][2u * down];
      let a1 = left[d][2u * down + 1u];
      let b0 = right[d][2u * across];
      let b1 = right[d][2u * across + 1u];
      sum00 = addOuter(sum00, a0, b0);
      sum01 = addOuter(sum01, a0, b1);
      sum10 = addOuter(sum10, a1, b0);
      sum11 = addOuter(sum11, a1, b1);
#else
      sum00 = addOuter(sum00, left[d][down], right[d][across]);
#endif
    }
    workgroupBarrier();
  }

#if LARGE
  let row = firstRow + 8u * down;
  let column = firstColumn + 8u * across;
  store(row, column, group, split, sum00);
  store(row, column + 4u, group, split, sum01);
  store(row + 4u, column, group, split, sum10);
  store(row + 4u, column + 4u, group, split, sum11);
#else
  store(firstRow + 4u * down, firstColumn + 4u * across, group, split, sum00);
#endif
}
