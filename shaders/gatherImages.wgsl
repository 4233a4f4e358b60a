// gatherImages: some images of a data set of bytes, in a given order, randomly cropped and flipped,
// and normalised; and their labels.
// Dispatched by src/data/imageDataset.ts.
//
//   gather   pixels, order, channels, labels, steps -> x, y   one thread for `span` pixels of a row
//                                                             of x, (count, C, H, W)
//
// pixels holds the bytes of images (N, C, H, W), four to a word, the first one lowest; those of the
// data set from number `first` on. What is of other images stays as it is, for another launch.
//
// steps are the random transforms, each its kind and its parameter (src/data/transforms.ts), applied
// in this order. Image n of the batch draws for step s the words of block (n, s) of the stream.

struct Params {
  count: u32, // images of x
  channels: u32,
  height: u32,
  width: u32,
  span: u32,
  start: u32, // in order
  first: u32,
  images: u32, // in pixels
  steps: u32,
  seed0: u32,
  seed1: u32,
  offset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pixels: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> channels: array<vec2f>; // scale and shift of each
@group(0) @binding(4) var<storage, read> labels: array<i32>;
@group(0) @binding(5) var<storage, read> steps: array<vec2u>;
@group(0) @binding(6) var<storage, read_write> x: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<i32>;

const CROP = 1u; // the parameter is the padding
const FLIP_COLUMNS = 2u; // the parameter is the bits of the probability
const FLIP_ROWS = 3u;

// Along an axis: position i of x is position sign * i + shift of the image, if i lies in first .. end.
struct Axis {
  size: i32,
  sign: i32,
  shift: i32,
  first: i32,
  end: i32,
}

// Undoes a crop that began at `by`.
fn shifted(a: Axis, by: i32) -> Axis {
  let shift = a.shift + by;
  let first = select(shift - a.size + 1, -shift, a.sign == 1);
  return Axis(a.size, a.sign, shift, max(a.first, first), min(a.end, first + a.size));
}

fn flipped(a: Axis) -> Axis {
  return Axis(a.size, -a.sign, a.size - 1 - a.shift, a.first, a.end);
}

// Where a crop of an image with `padding` around it begins.
fn beginOf(word: u32, padding: u32) -> i32 {
  return i32(mulHigh(word, 2u * padding + 1u)) - i32(padding);
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
  let number = order[p.start + n];
  let image = number - p.first;
  if (image >= p.images) {
    return;
  }
  if (t % (spans * p.height * p.channels) == 0u) {
    y[n] = labels[number];
  }

  var rows = Axis(i32(p.height), 1, 0, 0, i32(p.height));
  var columns = Axis(i32(p.width), 1, 0, 0, i32(p.width));
  for (var s = p.steps; s > 0u; s--) {
    let step = steps[s - 1u];
    let words = philox(vec4u(n, s - 1u, p.offset, 0u), vec2u(p.seed0, p.seed1));
    if (step.x == CROP) {
      rows = shifted(rows, beginOf(words.x, step.y));
      columns = shifted(columns, beginOf(words.y, step.y));
    } else if (toUnit(words.x) < bitcast<f32>(step.y)) {
      if (step.x == FLIP_ROWS) {
        rows = flipped(rows);
      } else {
        columns = flipped(columns);
      }
    }
  }

  let h = i32(row % p.height);
  let c = plane % p.channels;
  let line = ((image * p.channels + c) * p.height + u32(rows.sign * h + rows.shift)) * p.width;
  // An empty range where the row lies outside.
  let last = select(0, columns.end, h >= rows.first && h < rows.end);
  let channel = channels[c];
  let begin = t % spans * p.span;
  for (var w = begin; w < min(begin + p.span, p.width); w++) {
    var byte = 0u;
    if (i32(w) >= columns.first && i32(w) < last) {
      let at = line + u32(columns.sign * i32(w) + columns.shift);
      byte = (pixels[at / 4u] >> (8u * (at % 4u))) & 0xffu;
    }
    x[row * p.width + w] = f32(byte) * channel.x + channel.y;
  }
}
