// random: fills an array with random numbers from the block cipher in philox.wgsl.
// Dispatched by src/autograd/kernels/random.ts.
//
//   uniformFill    -> x       floats in [first, second)
//   normalFill     -> x       floats of mean first and standard deviation second
//   integerFill    -> words   first + (0 to second - 1), of i32 or u32: the same bits
//
// One thread for each block of four elements, whose number is the first word of the counter.

struct Params {
  count: u32,
  seed0: u32,
  seed1: u32,
  offset: u32,
  first: u32, // the bits of the distribution's two parameters
  second: u32,
  start: u32, // of x in a larger array that is filled part by part; a multiple of 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<scalar>;
@group(0) @binding(1) var<storage, read_write> words: array<u32>;

fn block(i: u32) -> vec4u {
  return philox(vec4u(params.start / 4u + i, 0u, params.offset, 0u), vec2u(params.seed0, params.seed1));
}

fn store(i: u32, values: vec4f) {
  let at = 4u * i;
  x[at] = scalar(values.x);
  if (at + 1u < params.count) {
    x[at + 1u] = scalar(values.y);
  }
  if (at + 2u < params.count) {
    x[at + 2u] = scalar(values.z);
  }
  if (at + 3u < params.count) {
    x[at + 3u] = scalar(values.w);
  }
}

fn uniformAt(word: u32) -> f32 {
  let low = bitcast<f32>(params.first);
  let high = bitcast<f32>(params.second);
#if F16
  // As many bits as an f16 has, so that [0, 1) needs no rounding.
  let unit = toUnit(word & 0xffe00000u);
#else
  let unit = toUnit(word);
#endif
  let value = f32(scalar(low + (high - low) * unit));
  return select(value, low, value >= high); // rounding may reach the end that is left out
}

fn normals(a: u32, b: u32) -> vec2f {
  let mean = bitcast<f32>(params.first);
  let deviation = bitcast<f32>(params.second);
  return mean + deviation * standardNormals(a, b);
}

@compute @workgroup_size(WORKGROUP)
fn uniformFill(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (4u * i < params.count) {
    let w = block(i);
    store(i, vec4f(uniformAt(w.x), uniformAt(w.y), uniformAt(w.z), uniformAt(w.w)));
  }
}

@compute @workgroup_size(WORKGROUP)
fn normalFill(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (4u * i < params.count) {
    let w = block(i);
    store(i, vec4f(normals(w.x, w.y), normals(w.z, w.w)));
  }
}

@compute @workgroup_size(WORKGROUP)
fn integerFill(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (4u * i < params.count) {
    let w = block(i);
    for (var j = 0u; j < min(4u, params.count - 4u * i); j++) {
      words[4u * i + j] = params.first + mulHigh(w[j], params.second);
    }
  }
}
