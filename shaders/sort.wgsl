// sort: the positions of the largest elements of each row, in order; by default of the smallest.
// Dispatched by src/autograd/kernels/sort.ts.
//
//   blocks   x -> order           sorts pieces of each row, one thread for each element of x
//   merge    x, before -> order   joins two lists of positions to one, one thread for each position
//
// A "row" is the `size` elements of x, (outer, size, inner), along its middle dimension. A list has
// the positions of up to `span` neighbouring elements, cut to `kept`; order is (rows, lists, kept).
// An element's place is the number of those that come before it. NaN counts as the largest, and of
// equals the first comes first, so no two share a place.

struct Params {
  count: u32,
  size: u32,
  inner: u32,
  span: u32, // of each list that is read
  had: u32, // their length at most
  kept: u32, // of each list that is written
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
#if MERGE
@group(0) @binding(2) var<storage, read> before: array<i32>;
@group(0) @binding(3) var<storage, read_write> order: array<i32>;
#else
@group(0) @binding(2) var<storage, read_write> order: array<i32>;
#endif

fn baseOf(row: u32) -> u32 {
  return (row / params.inner) * params.size * params.inner + row % params.inner;
}

fn comesBefore(a: T, aPosition: u32, b: T, bPosition: u32) -> bool {
  let first = aPosition < bPosition;
  if (isNan(a) || isNan(b)) {
#if LARGEST
    return isNan(a) && (!isNan(b) || first);
#else
    return isNan(b) && (!isNan(a) || first);
#endif
  }
#if LARGEST
  return a > b || (a == b && first);
#else
  return a < b || (a == b && first);
#endif
}

#if MERGE
fn lengthOf(list: u32) -> u32 {
  let start = list * params.span;
  return select(0u, min(params.had, params.size - start), start < params.size);
}

@compute @workgroup_size(WORKGROUP)
fn merge(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let t = threadIndex(id, groups);
  let lists = (params.size + params.span - 1u) / params.span;
  let slot = t % params.had;
  let list = (t / params.had) % lists;
  let row = t / (params.had * lists);
  if (t >= params.count || slot >= lengthOf(list)) {
    return;
  }
  let base = baseOf(row);
  let position = u32(before[t]);
  let value = T(x[base + position * params.inner]);

  let other = (row * lists + (list ^ 1u)) * params.had;
  var low = 0u;
  var high = lengthOf(list ^ 1u);
  while (low < high) {
    let middle = (low + high) / 2u;
    let otherPosition = u32(before[other + middle]);
    let otherValue = T(x[base + otherPosition * params.inner]);
    if (comesBefore(otherValue, otherPosition, value, position)) {
      low = middle + 1u;
    } else {
      high = middle;
    }
  }
  let place = slot + low;
  if (place < params.kept) {
    order[(row * ((lists + 1u) / 2u) + list / 2u) * params.kept + place] = i32(position);
  }
}
#else
@compute @workgroup_size(WORKGROUP)
fn blocks(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let t = threadIndex(id, groups);
  if (t >= params.count) {
    return;
  }
  let row = t / params.size;
  let position = t % params.size;
  let base = baseOf(row);
  let value = T(x[base + position * params.inner]);
  let list = position / params.span;
  let end = min((list + 1u) * params.span, params.size);
  var place = 0u;
  for (var n = list * params.span; n < end; n++) {
    place += u32(comesBefore(T(x[base + n * params.inner]), n, value, position));
  }
  if (place < params.kept) {
    let lists = (params.size + params.span - 1u) / params.span;
    order[(row * lists + list) * params.kept + place] = i32(position);
  }
}
#endif
