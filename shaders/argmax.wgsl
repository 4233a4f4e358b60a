// argmax: where along one dimension of x, (outer, size, inner), the largest element is; with MIN
// the smallest. NaN counts as larger (with MIN as smaller) than all, and of equals the first wins.
// Dispatched by src/autograd/kernels/argmax.ts, several times over where rows are long.
//
//   argmax   x, candidates -> y      one thread for each segment of a row
//   pick     x, indices -> picked    the element of each row that an index names
//   spread   dy, indices -> dx       dy there, 0 elsewhere
//
// Rows and segments are those of reduce.wgsl. `candidates` are the positions that the pass before
// has left, as that pass wrote them; without CANDIDATES every position is one.

struct Params {
  rows: u32,
  size: u32,
  inner: u32,
  segments: u32,
  candidates: u32, // of each row
  start: u32, // position of the first element, where x is part of a longer row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
#if CANDIDATES
@group(0) @binding(2) var<storage, read> candidates: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<i32>;
#else
@group(0) @binding(2) var<storage, read_write> y: array<i32>;
#endif

@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read_write> picked: array<scalar>;

@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(3) var<storage, read_write> dx: array<scalar>;

fn candidate(row: u32, k: u32) -> u32 {
#if CANDIDATES
  return u32(candidates[select(row * params.candidates + k, k * params.rows + row, params.inner > 1u)]);
#else
  return k;
#endif
}

fn beats(value: T, position: u32, best: T, bestPosition: u32) -> bool {
  let first = position < bestPosition;
  if (isNan(value) || isNan(best)) {
    return isNan(value) && (!isNan(best) || first);
  }
#if MIN
  return value < best || (value == best && first);
#else
  return value > best || (value == best && first);
#endif
}

@compute @workgroup_size(WORKGROUP)
fn argmax(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
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
  let base = (row / params.inner) * params.size * params.inner + row % params.inner;
  var bestPosition = candidate(row, segment);
  var best = T(x[base + bestPosition * params.inner]);
  for (var k = segment + params.segments; k < params.candidates; k += params.segments) {
    let position = candidate(row, k);
    let value = T(x[base + position * params.inner]);
    if (beats(value, position, best, bestPosition)) {
      best = value;
      bestPosition = position;
    }
  }
  y[t] = i32(params.start + bestPosition);
}

@compute @workgroup_size(WORKGROUP)
fn pick(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var row = threadIndex(id, groups); row < params.rows; row += threadCount(groups)) {
    let position = (row / params.inner) * params.size + u32(indices[row]) - params.start;
    picked[row] = x[position * params.inner + row % params.inner];
  }
}

@compute @workgroup_size(WORKGROUP)
fn spread(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let count = params.rows * params.size;
  for (var i = threadIndex(id, groups); i < count; i += threadCount(groups)) {
    let position = i / params.inner; // outer * size + index
    let row = (position / params.size) * params.inner + i % params.inner;
    dx[i] = select(scalar(0), dy[row], u32(indices[row]) == position % params.size);
  }
}
