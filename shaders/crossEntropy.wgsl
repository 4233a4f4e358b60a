// crossEntropy: softmax and cross-entropy in one, of logits (N, C, inner).
// Dispatched by src/autograd/ops/crossEntropy.ts, which has the formulas; classes.wgsl has the
// shapes.
//
//   forward          labels, weight, logits -> losses, rows
//                    one thread or one workgroup for each row (rows.wgsl)
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
  var highest = f32(logits[start]);
  for (var k = lane; k < params.c; k += LANES) {
    highest = max(highest, f32(logits[start + k * params.inner]));
  }
  highest = maxOfLanes(highest, lane);

  var sum = 0.0;
  var mass = 0.0; // sum q
  var dot = 0.0; // sum q (x - maximum)
  for (var k = lane; k < params.c; k += LANES) {
    let i = start + k * params.inner;
    let x = f32(logits[i]) - highest;
    sum += exp(x);
    let q = shareOf(row, k, i);
    mass += q;
    if (q != 0.0) { // 0 times -Inf is not 0
      dot += q * x;
    }
  }
  sum = sumOfLanes(sum, lane);
  mass = sumOfLanes(mass, lane);
  dot = sumOfLanes(dot, lane);
  if (lane > 0u) {
    return;
  }

  var count = 1.0;
  var value = mass * log(sum) - dot;
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
  losses[row] = Loss(value);
  rows[row] = vec4f(highest, sum, mass, count);
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
