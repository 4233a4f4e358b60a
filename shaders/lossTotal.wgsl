// lossTotal: the sum of losses, divided by the sum of what they count or by a given number.
// Dispatched by src/autograd/kernels/lossTotal.ts.
//
//   part    losses, counts -> parts           one thread for each part: (its losses, its counts)
//   total   losses, counts -> loss, divisor   one workgroup (rows.wgsl)
//
// Part p takes the losses p, p + parts, ... The losses are lossStride apart, and what they count
// countStride, from countOffset on: both may lie in one array.

struct Params {
  n: u32,
  parts: u32,
  lossStride: u32,
  countStride: u32,
  countOffset: u32,
  divisor: f32, // without COUNTED
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> losses: array<f32>;
@group(0) @binding(2) var<storage, read> counts: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<vec2f>;

@group(0) @binding(3) var<storage, read_write> loss: array<scalar>;
@group(0) @binding(4) var<storage, read_write> divisor: array<f32>;

const CHAIN = 32u; // sums of sums: the error grows with the longest chain of additions

// (sum of losses, sum of counts) of first, first + step, ...
fn sums(first: u32, step: u32) -> vec2f {
  var sum = vec2f();
  var i = first;
  while (i < params.n) {
    var chain = vec2f();
    for (var k = 0u; k < CHAIN && i < params.n; k++) {
      var count = 0.0;
#if COUNTED
      count = counts[i * params.countStride + params.countOffset];
#endif
      chain += vec2f(losses[i * params.lossStride], count);
      i += step;
    }
    sum += chain;
  }
  return sum;
}

@compute @workgroup_size(WORKGROUP)
fn part(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = threadIndex(id, groups);
  if (p < params.parts) {
    parts[p] = sums(p, params.parts);
  }
}

@compute @workgroup_size(WORKGROUP)
fn total(@builtin(local_invocation_index) index: u32) {
  let lane = laneOf(index);
  let own = sums(lane, LANES);
  let sum = sumOfLanes(own.x, lane);
  let count = sumOfLanes(own.y, lane);
  if (lane == 0u) {
    var by = params.divisor;
#if COUNTED
    by = count;
#endif
    loss[0] = scalar(sum / by);
    divisor[0] = by;
  }
}
