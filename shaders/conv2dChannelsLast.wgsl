// conv2dChannelsLast: an NCHW array with its channels last, by blocks.
// Dispatched by src/autograd/kernels/convolutionLayout.ts.
//
//   pack   dy (N, K, H, W) -> (N * rows, width, groups * blocks, QUADS) of vec4f
//
// Zero where there is no such channel or, since width is W rounded up, no such pixel. Of each plane
// it takes `rows` rows, the first of them at `start`.
// One thread for each vec4f.

struct Params {
  lines: u32, // N * rows
  rows: u32,
  width: u32,
  groups: u32,
  blocks: u32, // of each group
  channels: u32, // of each group
  h: u32,
  w: u32,
  start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if ACTIVATED
@group(0) @binding(3) var<storage, read_write> packed: array<vec4f>;
#else
@group(0) @binding(2) var<storage, read_write> packed: array<vec4f>;
#endif

// Channel j of the `count` that there are, from `at`. Reads in any case, which costs less than a branch.
fn element(at: u32, j: u32, count: u32) -> f32 {
  let value = incoming(select(0u, at + j * params.h * params.w, j < count));
  return select(0.0, value, j < count);
}

@compute @workgroup_size(WORKGROUP)
fn pack(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let to = threadIndex(id, groups);
  if (to >= p.lines * p.width * p.groups * p.blocks * QUADS) {
    return;
  }
  let quad = to % QUADS;
  var i = to / QUADS;
  let block = i % (p.groups * p.blocks);
  i /= p.groups * p.blocks;
  let column = i % p.width;
  let line = i / p.width;

  let group = block / p.blocks;
  let first = (block - group * p.blocks) * CHANNELS + 4u * quad;
  let count = select(0u, max(first, p.channels) - first, column < p.w);
  let plane = line / p.rows * p.groups * p.channels + group * p.channels + first;
  let at = p.start + (plane * p.h + line % p.rows) * p.w + column;
  packed[to] = vec4f(element(at, 0u, count), element(at, 1u, count), element(at, 2u, count), element(at, 3u, count));
}
