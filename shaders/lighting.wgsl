// lighting: adds to all pixels of an image a random colour along the principal components of colour.
// Dispatched by src/data/imagePipeline.ts; src/data/transforms.ts has the formula.
//
//   apply   x, channels -> y   one thread for `span` pixels of an image
//
// x and y are (count, 3, pixels). Image n draws the words of block (n, block) of the stream.

struct Params {
  count: u32,
  pixels: u32, // of one plane
  span: u32,
  block: u32,
  seed0: u32,
  seed1: u32,
  offset: u32,
  deviation: f32,
}

struct Channel {
  scaleShift: vec4f,
  components: vec4f, // of each of three eigenvectors, times its eigenvalue
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> channels: array<Channel>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let t = threadIndex(id, groups);
  let spans = (p.pixels + p.span - 1u) / p.span;
  let n = t / spans;
  if (n >= p.count) {
    return;
  }
  let words = philox(vec4u(n, p.block, p.offset, 0u), vec2u(p.seed0, p.seed1));
  let alpha = p.deviation * vec3f(standardNormals(words.x, words.y), standardNormals(words.z, words.w).x);
  let begin = t % spans * p.span;
  for (var c = 0u; c < 3u; c++) {
    let channel = channels[c];
    let light = dot(alpha, channel.components.xyz);
    let plane = (n * 3u + c) * p.pixels;
    for (var i = begin; i < min(begin + p.span, p.pixels); i++) {
      y[plane + i] = (x[plane + i] + light) * channel.scaleShift.x + channel.scaleShift.y;
    }
  }
}
