// winograd: the transforms of convolutions by minimal filtering; between them are products of matrices.
// Dispatched by src/autograd/kernels/winograd.ts, which says what becomes of what.
//
//   transform   one thread for each tile of a channel, or for each filter
//
// It reads lines of a square, transforms each, then transforms the columns of the results, by
// winogradLines.wgsl. By flags it goes
//
//   FROM_TILES     from tiles of images (N, planes, height, width), zeros where they reach beyond them;
//                  with ACTIVATED these are dL/dy of an activated y, and come through the activation
//   FROM_FILTERS   from filters (count, R, R), with ROTATED turned by half a turn
//   TO_TILES       to tiles of images, plus a bias for each plane, through an activation
//   TO_FILTERS     to filters; with BIAS also to the gradient of a bias, the sums of dy
//   and otherwise  from and to products (N N, count), one matrix for each of the N N points.
//
// The tiles of a plane are (N, down, across), and zeros at the end.

struct Params {
  count: u32, // of tiles of all planes, or of filters
  planes: u32,
  tiles: u32, // of each plane
  images: u32,
  down: u32, // tiles of an image
  across: u32,
  step: u32, // from one tile to the next
  height: u32, // of images
  width: u32,
  top: i32, // where the first tile starts
  left: i32,
  sumsAt: u32, // where the sums of tiles of dy begin in `points`, for each plane
  sumScale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

#if FROM_TILES
@group(0) @binding(1) var<storage, read> source: array<scalar>;
#if ACTIVATED
@group(0) @binding(2) var<storage, read> activated: array<scalar>;
@group(0) @binding(3) var<storage, read_write> products: array<f32>;
#else
@group(0) @binding(2) var<storage, read_write> products: array<f32>;
#endif
#elif FROM_FILTERS
@group(0) @binding(1) var<storage, read> filters: array<scalar>;
@group(0) @binding(2) var<storage, read_write> products: array<f32>;
#elif TO_TILES
@group(0) @binding(1) var<storage, read> products: array<f32>;
#if BIAS
@group(0) @binding(2) var<storage, read> bias: array<scalar>;
@group(0) @binding(3) var<storage, read_write> images: array<scalar>;
#else
@group(0) @binding(2) var<storage, read_write> images: array<scalar>;
#endif
#else
@group(0) @binding(1) var<storage, read> products: array<f32>;
#if BIAS
@group(0) @binding(2) var<storage, read> points: array<f32>; // those of dy
@group(0) @binding(3) var<storage, read_write> filters: array<scalar>;
@group(0) @binding(4) var<storage, read_write> bias: array<scalar>;
#else
@group(0) @binding(2) var<storage, read_write> filters: array<scalar>;
#endif
#endif

// A tile of an image.
struct Tile {
  plane: u32,
  start: u32, // of the plane in the array
  h: i32, // its first row
  w: i32,
}

const BEYOND = -0x40000000; // of all images

fn tileOf(i: u32) -> Tile {
  let p = params;
  let plane = i / p.tiles;
  let tile = i - plane * p.tiles;
  let image = tile / (p.down * p.across);
  let row = tile / p.across;
  let h = i32((row - image * p.down) * p.step) + p.top;
  let w = i32((tile - row * p.across) * p.step) + p.left;
  let start = (image * p.planes + plane) * p.height * p.width;
  return Tile(plane, start, select(BEYOND, h, image < p.images), w);
}

// The element of row i and column j of a tile, if there is one.
struct Element {
  at: u32,
  isInside: bool,
}

fn elementOf(tile: Tile, i: u32, j: u32) -> Element {
  let h = u32(tile.h) + i; // beyond all images if it is before the first row
  let w = u32(tile.w) + j;
  let isInside = h < params.height && w < params.width;
  return Element(select(0u, tile.start + h * params.width + w, isInside), isInside);
}

// The element of a row and a column of what is read.
fn valueOf(thread: u32, tile: Tile, i: u32, j: u32) -> f32 {
#if FROM_TILES
  let element = elementOf(tile, i, j);
#if ACTIVATED
  let value = activationGradient(f32(source[element.at]), f32(activated[element.at]));
#else
  let value = f32(source[element.at]);
#endif
  return select(0.0, value, element.isInside);
#elif FROM_FILTERS
#if ROTATED
  let at = TAPS - 1u - (i * SIDE + j);
#else
  let at = i * SIDE + j;
#endif
  return f32(filters[thread * TAPS + at]);
#else
  return products[(i * SIDE + j) * params.count + thread];
#endif
}

fn store(thread: u32, tile: Tile, i: u32, j: u32, value: f32) {
#if TO_TILES
  let element = elementOf(tile, i, j);
  if (element.isInside) {
#if BIAS
    images[element.at] = scalar(activate(value + f32(bias[tile.plane])));
#else
    images[element.at] = scalar(activate(value));
#endif
  }
#elif TO_FILTERS
  let at = i * RESULTS + j;
  filters[thread * TAPS + at] = scalar(value);
#else
  products[(i * RESULTS + j) * params.count + thread] = value;
#endif
}

#if IN_8
const SIDE = 8u; // lines that are read
#elif IN_6
const SIDE = 6u;
#elif IN_5
const SIDE = 5u;
#elif IN_4
const SIDE = 4u;
#elif IN_3
const SIDE = 3u;
#else
const SIDE = 2u;
#endif
#if OUT_8
const RESULTS = 8u; // lines that are written
#elif OUT_6
const RESULTS = 6u;
#elif OUT_5
const RESULTS = 5u;
#elif OUT_4
const RESULTS = 4u;
#elif OUT_3
const RESULTS = 3u;
#else
const RESULTS = 2u;
#endif
#if FROM_FILTERS
const TAPS = SIDE * SIDE;
#else
const TAPS = RESULTS * RESULTS;
#endif

// Row i, transformed.
fn row(thread: u32, tile: Tile, i: u32) -> Out {
  var line: In;
  line[0] = valueOf(thread, tile, i, 0u);
  line[1] = valueOf(thread, tile, i, 1u);
#if IN_3
  line[2] = valueOf(thread, tile, i, 2u);
#endif
#if IN_4
  line[3] = valueOf(thread, tile, i, 3u);
#endif
#if IN_5
  line[4] = valueOf(thread, tile, i, 4u);
#endif
#if IN_6
  line[5] = valueOf(thread, tile, i, 5u);
#endif
#if IN_8
  line[6] = valueOf(thread, tile, i, 6u);
  line[7] = valueOf(thread, tile, i, 7u);
#endif
  return along(line);
}

// Column j of the results.
fn column(thread: u32, tile: Tile, j: u32, line: In) {
  let results = along(line);
  store(thread, tile, 0u, j, results[0]);
  store(thread, tile, 1u, j, results[1]);
#if OUT_3
  store(thread, tile, 2u, j, results[2]);
#endif
#if OUT_4
  store(thread, tile, 3u, j, results[3]);
#endif
#if OUT_5
  store(thread, tile, 4u, j, results[4]);
#endif
#if OUT_6
  store(thread, tile, 5u, j, results[5]);
#endif
#if OUT_8
  store(thread, tile, 6u, j, results[6]);
  store(thread, tile, 7u, j, results[7]);
#endif
}

@compute @workgroup_size(WORKGROUP)
fn transform(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
#if TO_FILTERS
#if BIAS
  if (i >= params.count) {
    let plane = i - params.count;
    var sum = 0.0;
    for (var t = 0u; plane < params.planes && t < params.tiles; t++) {
      sum += points[params.sumsAt + plane * params.tiles + t];
    }
    if (plane < params.planes) {
      bias[plane] = scalar(sum * params.sumScale);
    }
    return;
  }
#endif
#endif
  if (i >= params.count) {
    return;
  }
#if FROM_TILES
  let tile = tileOf(i);
#elif TO_TILES
  let tile = tileOf(i);
#else
  let tile = Tile();
#endif
  let none = Out();
  let a = row(i, tile, 0u);
  let b = row(i, tile, 1u);
#if IN_3
  let c = row(i, tile, 2u);
#else
  let c = none;
#endif
#if IN_4
  let d = row(i, tile, 3u);
#else
  let d = none;
#endif
#if IN_5
  let e = row(i, tile, 4u);
#else
  let e = none;
#endif
#if IN_6
  let f = row(i, tile, 5u);
#else
  let f = none;
#endif
#if IN_8
  let g = row(i, tile, 6u);
  let h = row(i, tile, 7u);
#else
  let g = none;
  let h = none;
#endif
  column(i, tile, 0u, lineOf(a[0], b[0], c[0], d[0], e[0], f[0], g[0], h[0]));
  column(i, tile, 1u, lineOf(a[1], b[1], c[1], d[1], e[1], f[1], g[1], h[1]));
#if OUT_3
  column(i, tile, 2u, lineOf(a[2], b[2], c[2], d[2], e[2], f[2], g[2], h[2]));
#endif
#if OUT_4
  column(i, tile, 3u, lineOf(a[3], b[3], c[3], d[3], e[3], f[3], g[3], h[3]));
#endif
#if OUT_5
  column(i, tile, 4u, lineOf(a[4], b[4], c[4], d[4], e[4], f[4], g[4], h[4]));
#endif
#if OUT_6
  column(i, tile, 5u, lineOf(a[5], b[5], c[5], d[5], e[5], f[5], g[5], h[5]));
#endif
#if OUT_8
  column(i, tile, 6u, lineOf(a[6], b[6], c[6], d[6], e[6], f[6], g[6], h[6]));
  column(i, tile, 7u, lineOf(a[7], b[7], c[7], d[7], e[7], f[7], g[7], h[7]));
#endif
}
