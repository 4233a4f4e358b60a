// batchNorm: x, (N, C, S), with each channel brought to mean 0 and variance 1, then to w and b.
// Dispatched by src/autograd/ops/batchNorm.ts, which has the formulas.
//
//   statistics    x -> moments                          one row (rows.wgsl) a part of a channel
//   combine       moments, weight, counter -> stats,
//                 runningMean, runningVar               one row a channel
//   count         counter -> counter                    one thread
//   fromRunning   runningMean, runningVar, weight -> stats   one thread a channel
//   forward       x, stats, bias -> y                   one row a plane of S elements
//   sums          x, dy, stats -> sumsOfDy, sumsOfDyXhat     one row a part of a channel
//   backward      x, dy, stats, dBias, dWeight -> dx    one row a plane
//
// The N * S elements of a channel are cut into parts; moments and sums are (parts, C).
// A mean is kept as two numbers, a rounded one and the rest: where the mean is large against the
// deviation, what rounding takes from it would be much of what is left of x - mean.

struct Params {
  channels: u32,
  spatial: u32, // S
  planes: u32, // N * C
  count: u32, // N * S
  parts: u32,
  partSize: u32,
  momentum: f32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> moments: array<vec4f>; // mean, its rest, sum of squares, size

@group(0) @binding(1) var<storage, read> momentsOfPart: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> batches: array<i32>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec4f>; // mean, its rest, 1 / deviation, w
@group(0) @binding(5) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(6) var<storage, read_write> runningVar: array<f32>;

@group(0) @binding(1) var<storage, read_write> counter: array<i32>;

@group(0) @binding(1) var<storage, read> givenMean: array<f32>;
@group(0) @binding(2) var<storage, read> givenVar: array<f32>;
@group(0) @binding(3) var<storage, read> givenWeight: array<f32>;

@group(0) @binding(2) var<storage, read> statsOfChannel: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<scalar>;

@group(0) @binding(2) var<storage, read> dy: array<scalar>;
@group(0) @binding(3) var<storage, read> savedStats: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> sumsOfDy: array<f32>;
@group(0) @binding(5) var<storage, read_write> sumsOfDyXhat: array<f32>;

@group(0) @binding(4) var<storage, read> dBias: array<f32>;
@group(0) @binding(5) var<storage, read> dWeight: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<scalar>;

// Where an element of a channel is, in x and within its plane.
struct Place {
  at: u32,
  s: u32,
}

fn placeOf(channel: u32, m: u32) -> Place {
  let s = m % params.spatial;
  return Place((m / params.spatial * params.channels + channel) * params.spatial + s, s);
}

// LANES elements further in the channel.
fn next(place: Place) -> Place {
  let planes = LANES / params.spatial;
  let rest = LANES % params.spatial;
  let at = place.at + planes * params.channels * params.spatial + rest;
  let s = place.s + rest;
  if (s < params.spatial) {
    return Place(at, s);
  }
  return Place(at + (params.channels - 1u) * params.spatial, s - params.spatial);
}

@compute @workgroup_size(WORKGROUP)
fn statistics(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = rowOf(id, groups, group);
  let lane = laneOf(index);
  if (row >= params.parts * params.channels) {
    return;
  }
  let begin = row / params.channels * params.partSize;
  let end = min(begin + params.partSize, params.count);
  let size = f32(end - begin);
  let first = placeOf(row % params.channels, begin + lane);

  var sum = 0.0;
  var place = first;
  for (var m = begin + lane; m < end; m += LANES) {
    sum += f32(x[place.at]);
    place = next(place);
  }
  let mean = sumOfLanes(sum, lane) / size;

  var rest = 0.0;
  var squares = 0.0;
  place = first;
  for (var m = begin + lane; m < end; m += LANES) {
    let d = f32(x[place.at]) - mean;
    rest += d;
    squares += d * d;
    place = next(place);
  }
  rest = sumOfLanes(rest, lane) / size;
  squares = sumOfLanes(squares, lane) - rest * rest * size;
  if (lane == 0u) {
    moments[row] = vec4f(mean, rest, select(squares, 0.0, squares < 0.0), size);
  }
}

fn scaleOf(channel: u32) -> f32 {
#if WEIGHT
  return weight[channel];
#else
  return 1.0;
#endif
}

// Chan, Golub and LeVeque's formula, for all parts at once and relative to the mean of the first.
@compute @workgroup_size(WORKGROUP)
fn combine(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let channel = rowOf(id, groups, group);
  let lane = laneOf(index);
  if (channel >= params.channels) {
    return;
  }
  let count = f32(params.count);
  let mean = momentsOfPart[channel].x;
  var rest = 0.0;
  for (var p = lane; p < params.parts; p += LANES) {
    let part = momentsOfPart[p * params.channels + channel];
    rest += part.w * (part.x - mean + part.y);
  }
  rest = sumOfLanes(rest, lane) / count;
  var squares = 0.0;
  for (var p = lane; p < params.parts; p += LANES) {
    let part = momentsOfPart[p * params.channels + channel];
    let d = part.x - mean + part.y - rest;
    squares += part.z + part.w * d * d;
  }
  squares = sumOfLanes(squares, lane);
  if (lane > 0u) {
    return;
  }
  let deviation = sqrt(squares / count + params.eps);
  stats[channel] = vec4f(mean, rest, 1.0 / deviation, scaleOf(channel));
#if TRACK
#if CUMULATIVE
  let momentum = 1.0 / f32(batches[0]);
#else
  let momentum = params.momentum;
#endif
  let kept = 1.0 - momentum;
  runningMean[channel] = kept * runningMean[channel] + momentum * (mean + rest);
  runningVar[channel] = kept * runningVar[channel] + momentum * squares / (count - 1.0);
#endif
}

@compute @workgroup_size(1)
fn count() {
  counter[0] += 1;
}

fn givenScaleOf(channel: u32) -> f32 {
#if WEIGHT
  return givenWeight[channel];
#else
  return 1.0;
#endif
}

@compute @workgroup_size(WORKGROUP)
fn fromRunning(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let channel = threadIndex(id, groups);
  if (channel >= params.channels) {
    return;
  }
  let deviation = sqrt(givenVar[channel] + params.eps);
  stats[channel] = vec4f(givenMean[channel], 0.0, 1.0 / deviation, givenScaleOf(channel));
}

@compute @workgroup_size(WORKGROUP)
fn forward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let plane = rowOf(id, groups, group);
  if (plane >= params.planes) {
    return;
  }
  let channel = plane % params.channels;
  let stat = statsOfChannel[channel];
  let scale = stat.z * stat.w;
#if BIAS
  let shift = bias[channel] - stat.y * scale;
#else
  let shift = -stat.y * scale;
#endif
  for (var s = laneOf(index); s < params.spatial; s += LANES) {
    let at = plane * params.spatial + s;
    y[at] = scalar((f32(x[at]) - stat.x) * scale + shift);
  }
}

fn normalized(x: scalar, stat: vec4f) -> f32 {
  return (f32(x) - stat.x - stat.y) * stat.z;
}

@compute @workgroup_size(WORKGROUP)
fn sums(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = rowOf(id, groups, group);
  let lane = laneOf(index);
  if (row >= params.parts * params.channels) {
    return;
  }
  let channel = row % params.channels;
  let begin = row / params.channels * params.partSize;
  let end = min(begin + params.partSize, params.count);
  let stat = savedStats[channel];
  var sum = 0.0;
  var sumXhat = 0.0;
  var place = placeOf(channel, begin + lane);
  for (var m = begin + lane; m < end; m += LANES) {
    let slope = f32(dy[place.at]);
    sum += slope;
    sumXhat += slope * normalized(x[place.at], stat);
    place = next(place);
  }
  sum = sumOfLanes(sum, lane);
  sumXhat = sumOfLanes(sumXhat, lane);
  if (lane == 0u) {
    sumsOfDy[row] = sum;
    sumsOfDyXhat[row] = sumXhat;
  }
}

@compute @workgroup_size(WORKGROUP)
fn backward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let plane = rowOf(id, groups, group);
  if (plane >= params.planes) {
    return;
  }
  let channel = plane % params.channels;
  let stat = savedStats[channel];
  let scale = stat.z * stat.w;
#if TRAINING
  let meanDy = dBias[channel] / f32(params.count);
  let meanDyXhat = dWeight[channel] / f32(params.count);
#endif
  for (var s = laneOf(index); s < params.spatial; s += LANES) {
    let at = plane * params.spatial + s;
#if TRAINING
    let slope = f32(dy[at]) - meanDy - normalized(x[at], stat) * meanDyXhat;
#else
    let slope = f32(dy[at]);
#endif
    dx[at] = scalar(slope * scale);
  }
}
