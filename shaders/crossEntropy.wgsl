// crossEntropy: softmax and cross-entropy in one, of logits (N, C, inner).
// Dispatched by src/autograd/ops/crossEntropy.ts, which has the formulas; classes.wgsl has the
// shapes.
//
//   forward          labels, weight, logits -> losses, rows
//                    one thread or one workgroup for each row (rows.wgsl)
//   total            labels, weight, logits -> loss, rows, divisor
//                    one workgroup, for few rows: what they come to, over their counts by COUNTED
//   backward         labels, weight, logits, dy, rows, divisor -> dLogits
//   backwardTarget   labels, weight, logits, dy, rows, divisor -> dTarget
//                    one thread for each element
//
// `rows` keeps four numbers of each row: its maximum, sum e^(x - maximum), sum q, and what it
// counts in the mean. `weight` is read with WEIGHTED alone, `divisor` not with EACH.

struct Params {
  rows: u32,
  c: u32,
  inner: u32,
  ignoreIndex: i32,
  smoothing: f32,
}

#if EACH
alias Loss = scalar;
#else
alias Loss = f32;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<Target>;
@group(0) @binding(2) var<storage, read> weight: array<scalar>;
@group(0) @binding(3) var<storage, read> logits: array<scalar>;
@group(0) @binding(4) var<storage, read_write> losses: array<Loss>;
@group(0) @binding(5) var<storage, read_write> rows: array<vec4f>;

@group(0) @binding(4) var<storage, read_write> loss: array<scalar>;
@group(0) @binding(6) var<storage, read_write> divisorOut: array<f32>;

@group(0) @binding(4) var<storage, read> dy: array<scalar>;
@group(0) @binding(5) var<storage, read> savedRows: array<vec4f>;
@group(0) @binding(6) var<storage, read> divisor: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<scalar>;

// q: how much -log p of class k, whose score is element i, counts in the loss of its row.
fn shareOf(row: u32, k: u32, i: u32) -> f32 {
#if INDICES
  let label = select(0.0, 1.0, u32(labels[row]) == k);
#else
  let label = f32(labels[i]);
#endif
  return weightOf(k) * ((1.0 - params.smoothing) * label + params.smoothing / f32(params.c));
}

// The largest of logits first, first + step, ... of a row.
fn highestOf(row: u32, first: u32, step: u32) -> f32 {
  let start = startOf(row);
  var highest = f32(logits[start]);
  for (var k = first; k < params.c; k += step) {
    highest = max(highest, f32(logits[start + k * params.inner]));
  }
  return highest;
}

struct Sums {
  exps: f32, // sum e^(x - maximum)
  mass: f32, // sum q
  dot: f32, // sum q (x - maximum)
}

// Of the same ones.
fn sumsOf(row: u32, first: u32, step: u32, highest: f32) -> Sums {
  let start = startOf(row);
  var sums = Sums();
  for (var k = first; k < params.c; k += step) {
    let i = start + k * params.inner;
    let x = f32(logits[i]) - highest;
    sums.exps += exp(x);
    let q = shareOf(row, k, i);
    sums.mass += q;
    if (q != 0.0) { // 0 times -Inf is not 0
      sums.dot += q * x;
    }
  }
  return sums;
}

// The loss of a row and what it counts; keeps what backward needs.
fn finished(row: u32, highest: f32, sums: Sums) -> vec2f {
  var mass = sums.mass;
  var count = 1.0;
  var value = mass * log(sums.exps) - sums.dot;
  if (isIgnored(row)) {
    count = 0.0;
    value = 0.0;
  } else if (isOutside(row)) {
    mass = nan();
    value = nan();
  } else {
#if INDICES
    count = weightOf(u32(labels[row]));
#endif
  }
  rows[row] = vec4f(highest, sums.exps, mass, count);
  return vec2f(value, count);
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
  let highest = maxOfLanes(highestOf(row, lane, LANES), lane);
  var sums = sumsOf(row, lane, LANES, highest);
  sums.exps = sumOfLanes(sums.exps, lane);
  sums.mass = sumOfLanes(sums.mass, lane);
  sums.dot = sumOfLanes(sums.dot, lane);
  if (lane == 0u) {
    losses[row] = Loss(finished(row, highest, sums).x);
  }
}

@compute @workgroup_size(WORKGROUP)
fn total(@builtin(local_invocation_index) index: u32) {
  let lane = laneOf(index);
  var own = vec2f();
  for (var row = lane; row < params.rows; row += LANES) {
    let highest = highestOf(row, 0u, 1u);
    own += finished(row, highest, sumsOf(row, 0u, 1u, highest));
  }
  let sum = sumOfLanes(own.x, lane);
  let count = sumOfLanes(own.y, lane);
  if (lane == 0u) {
#if COUNTED
    let by = count;
#else
    let by = 1.0;
#endif
    loss[0] = scalar(sum / by);
    divisorOut[0] = by;
  }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i >= params.rows * params.c) {
    return;
  }
  let place = placeOf(i);
  let saved = savedRows[place.x];
  let p = exp(f32(logits[i]) - saved.x) / saved.y;
  let slope = (saved.z * p - shareOf(place.x, place.y, i)) * scaleOf(place.x);
  dx[i] = scalar(select(slope, 0.0, isIgnored(place.x)));
}

@compute @workgroup_size(WORKGROUP)
fn backwardTarget(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i >= params.rows * params.c) {
    return;
  }
  let place = placeOf(i);
  let saved = savedRows[place.x];
  let surprise = log(saved.y) - (f32(logits[i]) - saved.x); // -log p
  let share = (1.0 - params.smoothing) * weightOf(place.y);
  dx[i] = scalar(share * surprise * scaleOf(place.x));
}
