// dropout: each element by `scale`, or 0 where a random word is below `below`.
// Dispatched by src/autograd/ops/dropout.ts.
//
//   apply   x -> y, and alike dy -> dx: the words come from the counter, so that no mask is kept
//
// `inner` neighbouring elements share a word: a channel, or 1. A thread takes groups of four
// elements, so that one call of Philox (philox.wgsl) gives the words of all of them: its four words
// are for 4 inner elements.

struct Params {
  count: u32,
  start: u32, // number of the first element, where this is a part of a larger array
  inner: u32,
  below: u32,
  scale: f32,
  seed0: u32,
  seed1: u32,
  offset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

@compute @workgroup_size(WORKGROUP)
fn apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let seed = vec2u(params.seed0, params.seed1);
  let step = 4u * threadCount(groups);
  for (var first = 4u * threadIndex(id, groups); first < params.count; first += step) {
    let block = (params.start + first) / params.inner / 4u;
    let words = philox(vec4u(block, 0u, params.offset, 0u), seed);
    for (var i = first; i < min(first + 4u, params.count); i++) {
      let word = words[(params.start + i) / params.inner % 4u];
      y[i] = scalar(select(f32(x[i]) * params.scale, 0.0, word < params.below));
    }
  }
}
