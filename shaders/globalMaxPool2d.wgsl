// globalMaxPool2d: the maximum of each plane of x, (planes, size), and where it is, where planes are
// large. Dispatched by src/autograd/kernels/pool2d.ts, several times over.
//
//   forward   x -> y, indices                  one thread for each segment of a plane, FIRST
//             values, indicesIn -> y, indices    the same for what the pass before has left
//
// Segment s has the elements s, s + segments, ... so that neighbouring threads read neighbouring
// addresses. Elements therefore do not come in order, and the rule says which of two wins wherever
// they are: of equals the first, of several NaN the last, as in pool2d.wgsl. LAST is the pass that
// writes the result; what lies between is f32.

struct Params {
  planes: u32,
  size: u32, // of a plane in this pass
  segments: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if FIRST
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<Result>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;
#else
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> indicesIn: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<storage, read_write> indices: array<i32>;
#endif

#if LAST
alias Result = scalar;
#else
alias Result = f32;
#endif

struct Best {
  value: f32,
  index: i32,
}

fn candidate(plane: u32, k: u32) -> Best {
  let at = plane * params.size + k;
#if FIRST
  return Best(f32(x[at]), i32(k));
#else
  return Best(values[at], indicesIn[at]);
#endif
}

fn beats(a: Best, b: Best) -> bool {
  if (isNan(a.value) || isNan(b.value)) {
    return isNan(a.value) && (!isNan(b.value) || a.index > b.index);
  }
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let to = threadIndex(id, groups);
  if (to >= params.planes * params.segments) {
    return;
  }
  let plane = to / params.segments;
  let segment = to - plane * params.segments;
  var best = candidate(plane, segment);
  for (var k = segment + params.segments; k < params.size; k += params.segments) {
    let other = candidate(plane, k);
    if (beats(other, best)) {
      best = other;
    }
  }
  y[to] = Result(best.value);
  indices[to] = best.index;
}
