// softmax: e^x / sum e^x along the middle axis of (outer, size, inner), or by LOG its logarithm.
// Dispatched by src/autograd/ops/softmax.ts, which has the formulas.
//
//   forward    x -> y
//   backward   dy, y -> dx
//
// One thread or one workgroup for each row of `size` elements (rows.wgsl).

struct Params {
  rows: u32, // outer * inner
  size: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> saved: array<f32>; // y
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

// Where the first element of a row is.
fn startOf(row: u32) -> u32 {
  return row / params.inner * params.size * params.inner + row % params.inner;
}

@compute @workgroup_size(WORKGROUP)
fn forward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = rowOf(id, groups, group);
  let lane = laneOf(index);
  if (row >= params.rows) {
    return;
  }
  let start = startOf(row);
  // Subtracting the maximum changes nothing but keeps e^x from overflowing.
  var highest = x[start];
  for (var i = lane; i < params.size; i += LANES) {
    highest = max(highest, x[start + i * params.inner]);
  }
  highest = maxOfLanes(highest, lane);
  var sum = 0.0;
  for (var i = lane; i < params.size; i += LANES) {
    sum += exp(x[start + i * params.inner] - highest);
  }
  sum = sumOfLanes(sum, lane);
  for (var i = lane; i < params.size; i += LANES) {
    let at = start + i * params.inner;
#if LOG
    y[at] = x[at] - highest - log(sum);
#else
    y[at] = exp(x[at] - highest) / sum;
#endif
  }
}

@compute @workgroup_size(WORKGROUP)
fn backward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = rowOf(id, groups, group);
  let lane = laneOf(index);
  if (row >= params.rows) {
    return;
  }
  let start = startOf(row);
  var sum = 0.0;
  for (var i = lane; i < params.size; i += LANES) {
    let at = start + i * params.inner;
#if LOG
    sum += dy[at];
#else
    sum += dy[at] * saved[at];
#endif
  }
  sum = sumOfLanes(sum, lane);
  for (var i = lane; i < params.size; i += LANES) {
    let at = start + i * params.inner;
#if LOG
    dx[at] = dy[at] - exp(saved[at]) * sum;
#else
    dx[at] = saved[at] * (dy[at] - sum);
#endif
  }
}
