// layerNorm: rows of x, (rows, size), brought to mean 0 and variance 1, then to w and b.
// Dispatched by src/autograd/ops/layerNorm.ts, which has the formulas.
//
//   forward    x, weight, bias -> y, stats                one row (rows.wgsl) a row of x
//   backward   x, dy, weight, stats -> dx                 one row a row of x
//   sums       x, dy, stats -> sumsOfDy, sumsOfDyXhat     one thread a column and part of the rows
//
// stats are of each row: its mean, what rounding took from that (see batchNorm.wgsl), and
// 1 / sqrt(var + eps). Sums are (parts, size).

struct Params {
  rows: u32,
  size: u32,
  parts: u32,
  partSize: u32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<scalar>;
@group(0) @binding(5) var<storage, read_write> stats: array<vec4f>;

@group(0) @binding(2) var<storage, read> dy: array<scalar>;
@group(0) @binding(3) var<storage, read> savedStats: array<vec4f>;
@group(0) @binding(4) var<storage, read> savedWeight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<scalar>;

@group(0) @binding(4) var<storage, read_write> sumsOfDy: array<f32>;
@group(0) @binding(5) var<storage, read_write> sumsOfDyXhat: array<f32>;

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
  let start = row * params.size;
  let size = f32(params.size);
  var sum = 0.0;
  for (var i = lane; i < params.size; i += LANES) {
    sum += f32(x[start + i]);
  }
  let mean = sumOfLanes(sum, lane) / size;

  var rest = 0.0;
  var squares = 0.0;
  for (var i = lane; i < params.size; i += LANES) {
    let d = f32(x[start + i]) - mean;
    rest += d;
    squares += d * d;
  }
  rest = sumOfLanes(rest, lane) / size;
  let variance = sumOfLanes(squares, lane) / size - rest * rest;
  let deviation = sqrt(select(variance, 0.0, variance < 0.0) + params.eps);
  let stat = vec4f(mean, rest, 1.0 / deviation, 0.0);
  if (lane == 0u) {
    stats[row] = stat;
  }
  for (var i = lane; i < params.size; i += LANES) {
    var value = normalized(x[start + i], stat);
#if WEIGHT
    value *= weight[i];
#endif
#if BIAS
    value += bias[i];
#endif
    y[start + i] = scalar(value);
  }
}

fn normalized(x: scalar, stat: vec4f) -> f32 {
  return (f32(x) - stat.x - stat.y) * stat.z;
}

// dy w: the gradient of xhat.
fn slopeOf(row: u32, i: u32) -> f32 {
  let slope = f32(dy[row * params.size + i]);
#if WEIGHT
  return slope * savedWeight[i];
#else
  return slope;
#endif
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
  let start = row * params.size;
  let size = f32(params.size);
  let stat = savedStats[row];
  var sum = 0.0;
  var sumXhat = 0.0;
  for (var i = lane; i < params.size; i += LANES) {
    let slope = slopeOf(row, i);
    sum += slope;
    sumXhat += slope * normalized(x[start + i], stat);
  }
  let mean = sumOfLanes(sum, lane) / size;
  let meanXhat = sumOfLanes(sumXhat, lane) / size;
  for (var i = lane; i < params.size; i += LANES) {
    let xhat = normalized(x[start + i], stat);
    dx[start + i] = scalar(stat.z * (slopeOf(row, i) - mean - xhat * meanXhat));
  }
}

@compute @workgroup_size(WORKGROUP)
fn sums(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let t = threadIndex(id, groups);
  if (t >= params.parts * params.size) {
    return;
  }
  let column = t % params.size;
  let begin = t / params.size * params.partSize;
  let end = min(begin + params.partSize, params.rows);
  var sum = 0.0;
  var sumXhat = 0.0;
  for (var row = begin; row < end; row++) {
    let at = row * params.size + column;
    let slope = f32(dy[at]);
    sum += slope;
    sumXhat += slope * normalized(x[at], savedStats[row]);
  }
  sumsOfDy[t] = sum;
  sumsOfDyXhat[t] = sumXhat;
}
