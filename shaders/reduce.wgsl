// reduce: the sum, product, maximum or minimum along one dimension of x, (outer, size, inner).
// Dispatched by src/autograd/kernels/reduce.ts, several times over where rows are long.
//
//   reduce   x -> y   one thread for each segment of a row, or with WIDE a workgroup for each row
//
// A "row" is the `size` elements that make one output. It is cut into `segments`: segment s takes
// elements s, s + segments, ... so that neighbouring threads read neighbouring addresses, both
// where rows are contiguous (inner = 1; y is (rows, segments)) and where they are not (y is
// (segments, rows)). With WIDE rows are contiguous, and the sums of the lanes of a workgroup are
// added (rows.wgsl). Another flag says what is taken of each element: its SQUARE, its size (ABS),
// 1 where it is 0 (IS_ZERO), or itself but 1 where it is 0 (NONZERO); and of the result DIVIDE,
// then ROOT, then what is in y already (ONTO).
//
// The error of a sum of n terms grows with the longest chain of additions, so eight elements are
// added as a tree, sixteen of those trees in turn, and those totals in turn. All is computed in T,
// which for f16 is f32.

struct Params {
  rows: u32, // outer * inner
  size: u32,
  inner: u32,
  segments: u32,
  divisor: f32,
}

#if FROM_F16
alias From = f16;
#else
alias From = T;
#endif

#if TO_F16
alias To = f16;
#else
alias To = T;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<From>;
@group(0) @binding(2) var<storage, read_write> y: array<To>;

fn element(at: u32) -> T {
  let value = T(x[at]);
#if SQUARE
  return value * value;
#elif ABS
  return abs(value);
#elif IS_ZERO
  return select(T(0), T(1), value == T(0));
#elif NONZERO
  return select(value, T(1), value == T(0));
#else
  return value;
#endif
}

fn combine(a: T, b: T) -> T {
#if MAX
  if (isNan(a) || isNan(b)) {
    return select(b, a, isNan(a));
  }
  return max(a, b);
#elif MIN
  if (isNan(a) || isNan(b)) {
    return select(b, a, isNan(a));
  }
  return min(a, b);
#elif PROD
  return a * b;
#else
  return a + b;
#endif
}

// What a chain begins with; taking an element twice does not change a maximum.
fn start(first: u32) -> T {
#if MAX
  return element(first);
#elif MIN
  return element(first);
#elif PROD
  return T(1);
#else
  return T(0);
#endif
}

fn two(at: u32, stride: u32) -> T {
  return combine(element(at), element(at + stride));
}

fn eight(at: u32, stride: u32) -> T {
  let left = combine(two(at, stride), two(at + 2u * stride, stride));
  let right = combine(two(at + 4u * stride, stride), two(at + 6u * stride, stride));
  return combine(left, right);
}

fn segmentTotal(row: u32, segment: u32, segments: u32) -> T {
  let stride = segments * params.inner;
  var at = ((row / params.inner) * params.size + segment) * params.inner + row % params.inner;
  var left = (params.size - segment + segments - 1u) / segments;

  var total = start(at);
  while (left >= 8u) {
    var chain = start(at);
    for (var n = 0u; n < 16u && left >= 8u; n++) {
      chain = combine(chain, eight(at, stride));
      at += 8u * stride;
      left -= 8u;
    }
    total = combine(total, chain);
  }
  for (; left > 0u; left--) {
    total = combine(total, element(at));
    at += stride;
  }
  return total;
}

fn store(at: u32, total: T) {
  var result = total;
#if DIVIDE
  result /= params.divisor;
#endif
#if ROOT
  result = sqrt(result);
#endif
#if ONTO
  result = combine(T(y[at]), result);
#endif
  y[at] = To(result);
}

#if WIDE
@compute @workgroup_size(WORKGROUP)
fn reduce(
  @builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32,
) {
  let row = rowOf(id, groups, group);
  if (row >= params.rows) {
    return;
  }
  let total = sumOfLanes(segmentTotal(row, index, LANES), index);
  if (index == 0u) {
    store(row, total);
  }
}
#else
@compute @workgroup_size(WORKGROUP)
fn reduce(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let t = threadIndex(id, groups);
  if (t >= params.rows * params.segments) {
    return;
  }
  var row = t / params.segments;
  var segment = t % params.segments;
  if (params.inner > 1u) {
    row = t % params.rows;
    segment = t / params.rows;
  }
  store(t, segmentTotal(row, segment, params.segments));
}
#endif
