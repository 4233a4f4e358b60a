// colorJitter: the brightness, contrast, saturation and hue of each image, changed by random factors
// in random order. Dispatched by src/data/imagePipeline.ts; src/data/transforms.ts names the source.
//
//   average   x -> averages                one row of rows.wgsl for each image: the mean of its grey as
//                                          it is when its contrast is to change
//   apply     x, averages, channels -> y   one thread for `span` pixels of an image
//
// x and y are (count, C, pixels) with C of 3, or 1: a colour of three equal parts.
// Image n draws the words of block (n, block) of the stream.

struct Params {
  count: u32,
  channels: u32,
  pixels: u32, // of one plane
  span: u32,
  block: u32,
  seed0: u32,
  seed1: u32,
  offset: u32,
  brightnessLow: f32,
  brightnessHigh: f32,
  contrastLow: f32,
  contrastHigh: f32,
  saturationLow: f32,
  saturationHigh: f32,
  hueLow: f32,
  hueHigh: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> averages: array<f32>;
@group(0) @binding(2) var<storage, read> grey: array<f32>; // the same, for the second entry
@group(0) @binding(3) var<storage, read> channels: array<vec4f>; // scale and shift
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const BRIGHTNESS = 0u;
const CONTRAST = 1u;
const SATURATION = 2u;
const HUE = 3u;
const NEUTRAL = vec4f(1.0, 1.0, 1.0, 0.0);

struct Jitter {
  factors: vec4f,
  order: vec4u,
}

fn jitterOf(n: u32) -> Jitter {
  let p = params;
  let words = philox(vec4u(n, p.block, p.offset, 0u), vec2u(p.seed0, p.seed1));
  let low = vec4f(p.brightnessLow, p.contrastLow, p.saturationLow, p.hueLow);
  let high = vec4f(p.brightnessHigh, p.contrastHigh, p.saturationHigh, p.hueHigh);
  let unit = vec4f(toUnit(words.x), toUnit(words.y), toUnit(words.z), toUnit(words.w));
  // The low bytes, which toUnit leaves, are a word of their own.
  let bytes = words & vec4u(0xffu);
  let word = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
  return Jitter(low + (high - low) * unit, orderOf(mulHigh(word, 24u)));
}

// One of the 24 orders of 0, 1, 2, 3: each time one of the digits that are left.
fn orderOf(code: u32) -> vec4u {
  var left = 0x3210u;
  var rest = code;
  var order = vec4u();
  for (var i = 0u; i < 4u; i++) {
    let at = 4u * (rest % (4u - i));
    rest /= 4u - i;
    order[i] = (left >> at) & 0xfu;
    let below = (1u << at) - 1u;
    left = (left & below) | ((left >> 4u) & ~below);
  }
  return order;
}

fn greyOf(color: vec3f) -> f32 {
  return select(dot(color, vec3f(0.2989, 0.587, 0.114)), color.x, params.channels == 1u);
}

fn blend(color: vec3f, other: f32, factor: f32) -> vec3f {
  return clamp(factor * color + (1.0 - factor) * other, vec3f(0.0), vec3f(1.0));
}

// By hue, saturation and value, each from 0 to 1.
fn turned(color: vec3f, by: f32) -> vec3f {
  let value = max(max(color.x, color.y), color.z);
  let range = value - min(min(color.x, color.y), color.z);
  if (range == 0.0) {
    return color; // a grey
  }
  let far = (value - color) / range;
  var hue = 4.0 + far.y - far.x;
  if (color.x == value) {
    hue = far.z - far.y;
  } else if (color.y == value) {
    hue = 2.0 + far.x - far.z;
  }
  let sixth = 6.0 * fract(hue / 6.0 + by);
  let part = fract(sixth);
  let saturation = range / value;
  let p = clamp(value * (1.0 - saturation), 0.0, 1.0);
  let q = clamp(value * (1.0 - saturation * part), 0.0, 1.0);
  let t = clamp(value * (1.0 - saturation * (1.0 - part)), 0.0, 1.0);
  switch (u32(sixth) % 6u) {
    case 0u: { return vec3f(value, t, p); }
    case 1u: { return vec3f(q, value, p); }
    case 2u: { return vec3f(p, value, t); }
    case 3u: { return vec3f(p, q, value); }
    case 4u: { return vec3f(t, p, value); }
    default: { return vec3f(value, p, q); }
  }
}

fn adjusted(color: vec3f, what: u32, factor: f32, average: f32) -> vec3f {
  if (factor == NEUTRAL[what]) {
    return color;
  }
  if (what == BRIGHTNESS) {
    return blend(color, 0.0, factor);
  }
  if (what == CONTRAST) {
    return blend(color, average, factor);
  }
  if (what == SATURATION) {
    return blend(color, greyOf(color), factor);
  }
  return turned(color, factor);
}

fn colorAt(n: u32, i: u32) -> vec3f {
  let pixels = params.pixels;
  let at = n * params.channels * pixels + i;
  if (params.channels == 1u) {
    return vec3f(x[at]);
  }
  return vec3f(x[at], x[at + pixels], x[at + 2u * pixels]);
}

@compute @workgroup_size(WORKGROUP)
fn average(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let n = rowOf(id, groups, group);
  let lane = laneOf(index);
  if (n >= params.count) {
    return;
  }
  let jitter = jitterOf(n);
  var sum = 0.0;
  for (var i = lane; i < params.pixels; i += LANES) {
    var color = colorAt(n, i);
    for (var s = 0u; jitter.order[s] != CONTRAST; s++) {
      let what = jitter.order[s];
      color = adjusted(color, what, jitter.factors[what], 0.0);
    }
    sum += greyOf(color);
  }
  sum = sumOfLanes(sum, lane);
  if (lane == 0u) {
    averages[n] = sum / f32(params.pixels);
  }
}

@compute @workgroup_size(WORKGROUP)
fn apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let t = threadIndex(id, groups);
  let spans = (p.pixels + p.span - 1u) / p.span;
  let n = t / spans;
  if (n >= p.count) {
    return;
  }
  let jitter = jitterOf(n);
  let begin = t % spans * p.span;
  for (var i = begin; i < min(begin + p.span, p.pixels); i++) {
    var color = colorAt(n, i);
    for (var s = 0u; s < 4u; s++) {
      let what = jitter.order[s];
      color = adjusted(color, what, jitter.factors[what], grey[n]);
    }
    for (var c = 0u; c < p.channels; c++) {
      y[(n * p.channels + c) * p.pixels + i] = color[c] * channels[c].x + channels[c].y;
    }
  }
}
