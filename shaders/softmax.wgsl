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
  infinity: f32, // WGSL can spell neither of these
  nan: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read> saved: array<scalar>; // y
@group(0) @binding(3) var<storage, read_write> dx: array<scalar>;

// Where the first element of a row is.
fn startOf(row: u32) -> u32 {
  return row / params.inner * params.size * params.inner + row % params.inner;
}

// x, of which NaN is higher than all else, so that the maximum tells whether a row has one.
fn orInfinity(at: u32) -> f32 {
  let value = f32(x[at]);
  return select(value, params.infinity, isNan(value));
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
  var highest = orInfinity(start);
  for (var i = lane; i < params.size; i += LANES) {
    highest = max(highest, orInfinity(start + i * params.inner));
  }
  highest = maxOfLanes(highest, lane);
  let defined = (bitcast<u32>(highest) & 0x7fffffffu) < 0x7f800000u;
  var sum = 0.0;
  for (var i = lane; i < params.size; i += LANES) {
    sum += exp(f32(x[start + i * params.inner]) - highest);
  }
  sum = sumOfLanes(sum, lane);
  for (var i = lane; i < params.size; i += LANES) {
    let at = start + i * params.inner;
#if LOG
    let value = f32(x[at]) - highest - log(sum);
#else
    let value = exp(f32(x[at]) - highest) / sum;
#endif
    y[at] = scalar(select(params.nan, value, defined));
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
    sum += f32(dy[at]);
#else
    sum += f32(dy[at]) * f32(saved[at]);
#endif
  }
  sum = sumOfLanes(sum, lane);
  for (var i = lane; i < params.size; i += LANES) {
    let at = start + i * params.inner;
#if LOG
    dx[at] = scalar(f32(dy[at]) - exp(f32(saved[at])) * sum);
#else
    dx[at] = scalar(f32(saved[at]) * (f32(dy[at]) - sum));
#endif
  }
}
