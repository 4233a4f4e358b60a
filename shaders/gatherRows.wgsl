// gatherRows: some rows of a matrix, in a given order.
// Dispatched by src/data/gatherRows.ts.
//
//   gather   x, order -> rows   rows[i] = x[order[start + i]], one thread for each element
//
// The elements are only moved, so every four-byte dtype is u32 here.

struct Params {
  count: u32,
  rowSize: u32,
  start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> rows: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn gather(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i < params.count) {
    let row = i / params.rowSize;
    rows[i] = x[order[params.start + row] * params.rowSize + i % params.rowSize];
  }
}
