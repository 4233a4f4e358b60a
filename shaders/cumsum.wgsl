// cumsum: running sums along one dimension of x, (outer, size, inner).
// Dispatched by src/autograd/ops/cumsum.ts, backward too.
//
//   totals   x -> sums         the sum of each segment, (rows, segments)
//   scan     x (, ends) -> y   running sums; `ends` are those of `sums`
//
// A "row" is the `size` elements along the dimension, cut into segments of `length`, a thread each.
// With REVERSE sums run from the end of each row, and segments are counted from there.

struct Params {
  count: u32, // rows * segments
  size: u32,
  inner: u32,
  segments: u32,
  length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> sums: array<T>;

#if ENDS
@group(0) @binding(2) var<storage, read> ends: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<scalar>;
#else
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;
#endif

fn offsetOf(row: u32, n: u32) -> u32 {
#if REVERSE
  let position = params.size - 1u - n;
#else
  let position = n;
#endif
  return ((row / params.inner) * params.size + position) * params.inner + row % params.inner;
}

@compute @workgroup_size(WORKGROUP)
fn totals(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let t = threadIndex(id, groups);
  if (t >= params.count) {
    return;
  }
  let row = t / params.segments;
  let start = (t % params.segments) * params.length;
  var sum = T(0);
  for (var n = start; n < min(start + params.length, params.size); n++) {
    sum += T(x[offsetOf(row, n)]);
  }
  sums[t] = sum;
}

@compute @workgroup_size(WORKGROUP)
fn scan(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let t = threadIndex(id, groups);
  if (t >= params.count) {
    return;
  }
  let row = t / params.segments;
  let start = (t % params.segments) * params.length;
  var before = T(0);
#if ENDS
  if (start > 0u) {
    before = ends[t - 1u];
  }
#endif
  var sum = T(0); // of the segment, since small sums round less
  for (var n = start; n < min(start + params.length, params.size); n++) {
    let at = offsetOf(row, n);
    sum += T(x[at]);
    y[at] = scalar(before + sum);
  }
}
