// gatherImages: some images, in a given order, resized, randomly cropped and flipped, with a hole cut
// out, and normalised; and their labels. Dispatched by src/data/imagePipeline.ts.
//
//   gather   pixels, channels, steps, order, labels -> x, y   with the flag BYTES
//            pixels, channels, steps -> x                     without it
//
// One thread for `span` pixels of a row of x, (count, C, H, W).
//
// With BYTES, pixels holds the bytes of images (N, C, H, W), four to a word, the first one lowest; those
// of the data set from number `first` on. What is of other images stays as it is, for another launch.
// Without it, pixels is a batch of floats. Images are resized by the flag BILINEAR or NEAREST, with
// black around the box that they then fill.
//
// steps are crops and flips (src/data/imagePipeline.ts), applied in this order to what was resized.
// Image n of the batch draws for a step the words of block (n, step.block) of the stream.

struct Params {
  count: u32, // images of x
  channels: u32,
  height: u32, // of x
  width: u32,
  span: u32,
  start: u32, // in order
  first: u32,
  images: u32, // in pixels
  steps: u32,
  seed0: u32,
  seed1: u32,
  offset: u32,
  sourceHeight: u32, // of pixels
  sourceWidth: u32,
  top: i32, // the box that a resized image fills
  left: i32,
  boxHeight: u32,
  boxWidth: u32,
  scaleY: f32, // pixels of the source for one of the box
  scaleX: f32,
  hole: u32, // length of its sides, 0 for none
  holeBlock: u32,
}

struct Step {
  kind: u32,
  block: u32,
  height: u32, // of what it is given
  width: u32,
  top: i32, // CROP: the lowest row that it can begin with, and how many there are
  tops: u32,
  left: i32,
  lefts: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if BYTES
@group(0) @binding(1) var<storage, read> pixels: array<u32>;
#else
@group(0) @binding(1) var<storage, read> pixels: array<f32>;
#endif
@group(0) @binding(2) var<storage, read> channels: array<vec4f>; // scale, shift, and what a hole has
@group(0) @binding(3) var<storage, read> steps: array<Step>;
#if BYTES
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read> labels: array<i32>;
@group(0) @binding(6) var<storage, read_write> x: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<i32>;
#else
@group(0) @binding(4) var<storage, read_write> x: array<f32>;
#endif

const CROP = 1u;
const FLIP_COLUMNS = 2u; // `tops` is the bits of the probability
const FLIP_ROWS = 3u;

// Along an axis: position i of x is position sign * i + shift of the image, if i lies in first .. end.
struct Axis {
  sign: i32,
  shift: i32,
  first: i32,
  end: i32,
}

// Undoes a crop that began at `by`, of an image of `size`.
fn shifted(a: Axis, by: i32, size: u32) -> Axis {
  let shift = a.shift + by;
  let first = select(shift - i32(size) + 1, -shift, a.sign == 1);
  return Axis(a.sign, shift, max(a.first, first), min(a.end, first + i32(size)));
}

fn flipped(a: Axis, size: u32) -> Axis {
  return Axis(-a.sign, i32(size) - 1 - a.shift, a.first, a.end);
}

// What a position of the box is made of: two neighbours of the source, and the share of the second.
struct Taps {
  near: u32,
  far: u32,
  part: f32,
}

fn tapsOf(i: i32, scale: f32, size: u32) -> Taps {
#if BILINEAR
  let place = max((f32(i) + 0.5) * scale - 0.5, 0.0);
  let near = min(u32(place), size - 1u);
  return Taps(near, min(near + 1u, size - 1u), place - f32(near));
#elif NEAREST
  let near = min(u32(f32(i) * scale), size - 1u);
  return Taps(near, near, 0.0);
#else
  return Taps(u32(i), u32(i), 0.0);
#endif
}

fn pixelAt(i: u32) -> f32 {
#if BYTES
  return f32((pixels[i / 4u] >> (8u * (i % 4u))) & 0xffu);
#else
  return pixels[i];
#endif
}

@compute @workgroup_size(WORKGROUP)
fn gather(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let t = threadIndex(id, groups);
  let spans = (p.width + p.span - 1u) / p.span;
  let row = t / spans;
  let plane = row / p.height;
  let n = plane / p.channels;
  if (n >= p.count) {
    return;
  }
#if BYTES
  let number = order[p.start + n];
  let image = number - p.first;
  if (image >= p.images) {
    return;
  }
  if (t % (spans * p.height * p.channels) == 0u) {
    y[n] = labels[number];
  }
#else
  let image = n;
#endif

  let seed = vec2u(p.seed0, p.seed1);
  var rows = Axis(1, 0, 0, i32(p.height));
  var columns = Axis(1, 0, 0, i32(p.width));
  for (var s = p.steps; s > 0u; s--) {
    let step = steps[s - 1u];
    let words = philox(vec4u(n, step.block, p.offset, 0u), seed);
    if (step.kind == CROP) {
      rows = shifted(rows, step.top + i32(mulHigh(words.x, step.tops)), step.height);
      columns = shifted(columns, step.left + i32(mulHigh(words.y, step.lefts)), step.width);
    } else if (toUnit(words.x) < bitcast<f32>(step.tops)) {
      if (step.kind == FLIP_ROWS) {
        rows = flipped(rows, step.height);
      } else {
        columns = flipped(columns, step.width);
      }
    }
  }
  rows = shifted(rows, -p.top, p.boxHeight);
  columns = shifted(columns, -p.left, p.boxWidth);

  let h = i32(row % p.height);
  var hole = vec2i(); // its columns in this row, the first and the one after the last
  if (p.hole > 0u) {
    let words = philox(vec4u(n, p.holeBlock, p.offset, 0u), seed);
    let size = i32(p.hole);
    let top = i32(mulHigh(words.x, p.height)) - size / 2;
    let left = i32(mulHigh(words.y, p.width)) - size / 2;
    hole = select(vec2i(), vec2i(left, left + size), h >= top && h < top + size);
  }

  let c = plane % p.channels;
  let source = (image * p.channels + c) * p.sourceHeight * p.sourceWidth;
  let down = tapsOf(rows.sign * h + rows.shift, p.scaleY, p.sourceHeight);
  let upper = source + down.near * p.sourceWidth;
  let lower = source + down.far * p.sourceWidth;
  // An empty range where the row lies outside.
  let last = select(0, columns.end, h >= rows.first && h < rows.end);
  let channel = channels[c];
  let begin = t % spans * p.span;
  for (var w = begin; w < min(begin + p.span, p.width); w++) {
    let i = i32(w);
    var value = 0.0;
    if (i >= columns.first && i < last) {
      let across = tapsOf(columns.sign * i + columns.shift, p.scaleX, p.sourceWidth);
#if BILINEAR
      let above = (1.0 - across.part) * pixelAt(upper + across.near) + across.part * pixelAt(upper + across.far);
      let below = (1.0 - across.part) * pixelAt(lower + across.near) + across.part * pixelAt(lower + across.far);
      value = (1.0 - down.part) * above + down.part * below;
#else
      value = pixelAt(upper + across.near);
#endif
    }
    let cut = i >= hole.x && i < hole.y;
    x[row * p.width + w] = select(value * channel.x + channel.y, channel.z, cut);
  }
}
