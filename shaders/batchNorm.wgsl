// batchNorm: x, (N, C, S), with each channel brought to mean 0 and variance 1, then to w and b, and
// through an activation (epilogue.wgsl).
// Dispatched by src/autograd/ops/batchNorm.ts, which has the formulas.
//
//   statistics    x -> moments, batches
//   forward       x, weight, bias, batches -> moments, y, runningMean, runningVar
//                 by EVAL: x, weight, bias, runningMean, runningVar -> moments, y
//   sums          x, dy, moments -> sums
//   backward      x, dy, moments, sums -> dBias, dWeight, dx
//
// The N * S elements of a channel are cut into parts. In every kernel one row (rows.wgsl) does one
// part of a channel: rows are (parts, channels). `statistics` leaves the moments of each part, and
// `sums` its sums of dy and dy xhat, (allParts, C); the rows of `forward` and `backward` begin with
// joining those of their channel. Behind the moments come the statistics and the bias of each channel,
// which the rows of the first part write for backward.
//
// A launch may do a piece of x: some samples, or some channels of one.
//
// A mean is kept as two numbers, a rounded one and the rest: where the mean is large against the
// deviation, what rounding takes from it would be much of what is left of x - mean.

struct Params {
  channels: u32, // of the piece
  spatial: u32, // S
  count: u32, // elements of a channel of the piece
  partSize: u32,
  rows: u32,
  firstPart: u32, // of the piece
  firstChannel: u32,
  isFirst: u32, // 1 for pieces with the first part of their channels
  allParts: u32,
  allChannels: u32, // C
  allCount: u32, // N * S
  momentum: f32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;

@group(0) @binding(2) var<storage, read_write> momentsOut: array<vec4f>; // mean, its rest, sum of squares, size
@group(0) @binding(3) var<storage, read_write> counter: array<i32>;

@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#if EVAL
@group(0) @binding(4) var<storage, read> givenMean: array<f32>;
@group(0) @binding(5) var<storage, read> givenVar: array<f32>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<scalar>;
#else
@group(0) @binding(4) var<storage, read> batches: array<i32>;
@group(0) @binding(5) var<storage, read_write> moments: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<scalar>;
@group(0) @binding(7) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(8) var<storage, read_write> runningVar: array<f32>;
#endif

@group(0) @binding(2) var<storage, read> dy: array<scalar>;
@group(0) @binding(3) var<storage, read> savedMoments: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> sumsOut: array<vec2f>;

@group(0) @binding(4) var<storage, read> partSums: array<vec2f>; // of dy, and of dy xhat
#if SUMMED
@group(0) @binding(5) var<storage, read_write> dBias: array<f32>;
@group(0) @binding(6) var<storage, read_write> dWeight: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<scalar>;
#else
@group(0) @binding(5) var<storage, read_write> dx: array<scalar>;
#endif

// The elements of a channel that a row takes: begin + lane, begin + lane + LANES, ... below end.
struct Part {
  channel: u32, // of all
  at: u32, // of its moments or sums
  begin: u32,
  end: u32,
  place: Place, // of the lane's first element
}

// Where an element of a channel is, in x and within its plane.
struct Place {
  at: u32,
  s: u32,
}

fn partOf(row: u32, lane: u32) -> Part {
  let part = row / params.channels;
  let inPiece = row % params.channels;
  let channel = params.firstChannel + inPiece;
  let begin = part * params.partSize;
  let m = begin + lane;
  let s = m % params.spatial;
  let plane = m / params.spatial * params.channels + inPiece;
  return Part(
    channel,
    (params.firstPart + part) * params.allChannels + channel,
    begin,
    min(begin + params.partSize, params.count),
    Place(plane * params.spatial + s, s),
  );
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

// True for the one row of a channel that writes what there is once for each channel.
fn speaks(row: u32, lane: u32) -> bool {
  return params.isFirst == 1u && row < params.channels && lane == 0u;
}

// Of a channel; y = (x - mean) scale + shift.
struct Stat {
  mean: f32,
  rest: f32,
  inverse: f32, // 1 / deviation
  weight: f32,
  bias: f32,
}

fn scaleOf(stat: Stat) -> f32 {
  return stat.inverse * stat.weight;
}

fn shiftOf(stat: Stat) -> f32 {
  return stat.bias - stat.rest * scaleOf(stat);
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
#if COUNTER
  if (row + params.firstChannel == 0u && lane == 0u && params.isFirst == 1u) {
    counter[0] += 1;
  }
#endif
  if (row >= params.rows) {
    return;
  }
  let part = partOf(row, lane);
  let size = f32(part.end - part.begin);

  var sum = 0.0;
  var place = part.place;
  for (var m = part.begin + lane; m < part.end; m += LANES) {
    sum += f32(x[place.at]);
    place = next(place);
  }
  let mean = sumOfLanes(sum, lane) / size;

  var rest = 0.0;
  var squares = 0.0;
  place = part.place;
  for (var m = part.begin + lane; m < part.end; m += LANES) {
    let d = f32(x[place.at]) - mean;
    rest += d;
    squares += d * d;
    place = next(place);
  }
  rest = sumOfLanes(rest, lane) / size;
  squares = sumOfLanes(squares, lane) - rest * rest * size;
  if (lane == 0u) {
    momentsOut[part.at] = vec4f(mean, rest, select(squares, 0.0, squares < 0.0), size);
  }
}

fn weightOf(channel: u32) -> f32 {
#if WEIGHT
  return weight[channel];
#else
  return 1.0;
#endif
}

fn biasOf(channel: u32) -> f32 {
#if BIAS
  return bias[channel];
#else
  return 0.0;
#endif
}

#if EVAL
fn statOf(row: u32, channel: u32, lane: u32) -> Stat {
  let inverse = 1.0 / sqrt(givenVar[channel] + params.eps);
  return Stat(givenMean[channel], 0.0, inverse, weightOf(channel), biasOf(channel));
}
#else
// Chan, Golub and LeVeque's formula, for all parts at once and relative to the mean of the first.
fn statOf(row: u32, channel: u32, lane: u32) -> Stat {
  let count = f32(params.allCount);
  let mean = moments[channel].x;
  var rest = 0.0;
  for (var p = lane; p < params.allParts; p += LANES) {
    let part = moments[p * params.allChannels + channel];
    rest += part.w * (part.x - mean + part.y);
  }
  rest = sumOfLanes(rest, lane) / count;
  var squares = 0.0;
  for (var p = lane; p < params.allParts; p += LANES) {
    let part = moments[p * params.allChannels + channel];
    let d = part.x - mean + part.y - rest;
    squares += part.z + part.w * d * d;
  }
  squares = sumOfLanes(squares, lane);
#if TRACK
  if (speaks(row, lane)) {
#if CUMULATIVE
    let momentum = 1.0 / f32(batches[0]);
#else
    let momentum = params.momentum;
#endif
    let kept = 1.0 - momentum;
    runningMean[channel] = kept * runningMean[channel] + momentum * (mean + rest);
    runningVar[channel] = kept * runningVar[channel] + momentum * squares / (count - 1.0);
  }
#endif
  let inverse = 1.0 / sqrt(squares / count + params.eps);
  return Stat(mean, rest, inverse, weightOf(channel), biasOf(channel));
}
#endif

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
  let part = partOf(row, lane);
  let stat = statOf(row, part.channel, lane);
  if (speaks(row, lane)) {
    let at = params.allParts * params.allChannels + part.channel;
    moments[at] = vec4f(stat.mean, stat.rest, stat.inverse, stat.weight);
    moments[at + params.allChannels] = vec4f(stat.bias, 0.0, 0.0, 0.0);
  }
  let scale = scaleOf(stat);
  let shift = shiftOf(stat);
  var place = part.place;
  for (var m = part.begin + lane; m < part.end; m += LANES) {
    y[place.at] = scalar(activate((f32(x[place.at]) - stat.mean) * scale + shift));
    place = next(place);
  }
}

fn savedStat(channel: u32) -> Stat {
  let at = params.allParts * params.allChannels + channel;
  let saved = savedMoments[at];
  return Stat(saved.x, saved.y, saved.z, saved.w, savedMoments[at + params.allChannels].x);
}

// xhat, and dL/d(w xhat + b): y is computed again, since reading it costs more.
fn slopeAt(at: u32, stat: Stat) -> vec2f {
  let value = f32(x[at]);
  let xhat = (value - stat.mean - stat.rest) * stat.inverse;
#if ACTIVATED
  let result = activate((value - stat.mean) * scaleOf(stat) + shiftOf(stat));
  return vec2f(xhat, activationGradient(f32(dy[at]), result));
#else
  return vec2f(xhat, f32(dy[at]));
#endif
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
  if (row >= params.rows) {
    return;
  }
  let part = partOf(row, lane);
  let stat = savedStat(part.channel);
  var sum = 0.0;
  var sumXhat = 0.0;
  var place = part.place;
  for (var m = part.begin + lane; m < part.end; m += LANES) {
    let slope = slopeAt(place.at, stat);
    sum += slope.y;
    sumXhat += slope.y * slope.x;
    place = next(place);
  }
  sum = sumOfLanes(sum, lane);
  sumXhat = sumOfLanes(sumXhat, lane);
  if (lane == 0u) {
    sumsOut[part.at] = vec2f(sum, sumXhat);
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
  let part = partOf(row, lane);
  let stat = savedStat(part.channel);
#if SUMMED
  var sum = 0.0;
  var sumXhat = 0.0;
  for (var p = lane; p < params.allParts; p += LANES) {
    let sums = partSums[p * params.allChannels + part.channel];
    sum += sums.x;
    sumXhat += sums.y;
  }
  sum = sumOfLanes(sum, lane);
  sumXhat = sumOfLanes(sumXhat, lane);
  if (speaks(row, lane)) {
    dBias[part.channel] = sum;
    dWeight[part.channel] = sumXhat;
  }
#endif
#if INPUT
  let scale = scaleOf(stat);
#if EVAL
  let meanDy = 0.0;
  let meanDyXhat = 0.0;
#else
  let meanDy = sum / f32(params.allCount);
  let meanDyXhat = sumXhat / f32(params.allCount);
#endif
  var place = part.place;
  for (var m = part.begin + lane; m < part.end; m += LANES) {
    let slope = slopeAt(place.at, stat);
    dx[place.at] = scalar((slope.y - meanDy - slope.x * meanDyXhat) * scale);
    place = next(place);
  }
#endif
}
