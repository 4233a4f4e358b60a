// finite: looks for NaN and Inf, and says so in one word.
// Dispatched by src/autograd/kernels/finite.ts.
//
//   inspect   x, found -> found[slot] gets bit 1 for a NaN, bit 2 for an Inf
//   unscale   grad, found -> grad times factor, in place; found[slot] likewise, of grad as it was
//
// A thread takes several elements, and touches `found` only if one of them is not finite.

struct Params {
  count: u32,
  slot: u32,
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(1) var<storage, read_write> grad: array<scalar>;
@group(0) @binding(2) var<storage, read_write> found: array<atomic<u32>>;

// By the bits: a compiler may assume that there is neither.
fn kind(value: f32) -> u32 {
  let magnitude = bitcast<u32>(value) & 0x7fffffffu;
  return select(0u, select(2u, 1u, magnitude > 0x7f800000u), magnitude >= 0x7f800000u);
}

fn report(bits: u32) {
  if (bits != 0u) {
    atomicOr(&found[params.slot], bits);
  }
}

@compute @workgroup_size(WORKGROUP)
fn inspect(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  var bits = 0u;
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    bits |= kind(f32(x[i]));
  }
  report(bits);
}

@compute @workgroup_size(WORKGROUP)
fn unscale(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  var bits = 0u;
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let value = f32(grad[i]);
    bits |= kind(value);
    grad[i] = scalar(value * params.factor);
  }
  report(bits);
}
