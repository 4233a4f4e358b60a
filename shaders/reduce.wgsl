// reduce: the sum, maximum or minimum along one dimension of x, (outer, size, inner).
// Dispatched by src/autograd/kernels/reduce.ts, several times over where rows are long.
//
//   reduce   x -> y   one thread for each segment of a row
//
// A "row" is the `size` elements that make one output. It is cut into `segments`: segment s takes
// elements s, s + segments, ... so that neighbouring threads read neighbouring addresses, both
// where rows are contiguous (inner = 1; y is (rows, segments)) and where they are not (y is
// (segments, rows)). SQUARE takes the squares of the elements, DIVIDE divides what comes out.
//
// The error of a sum of n terms grows with the longest chain of additions, so eight elements are
// added as a tree, sixteen of those trees in turn, and those totals in turn.

struct Params {
  rows: u32, // outer * inner
  size: u32,
  inner: u32,
  segments: u32,
  divisor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;

fn element(at: u32) -> T {
#if SQUARE
  return x[at] * x[at];
#else
  return x[at];
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
  let stride = params.segments * params.inner;
  var at = ((row / params.inner) * params.size + segment) * params.inner + row % params.inner;
  var left = (params.size - segment + params.segments - 1u) / params.segments;

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
#if DIVIDE
  total /= params.divisor;
#endif
  y[t] = total;
}
