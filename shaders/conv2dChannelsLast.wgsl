// conv2dChannelsLast: an NCHW array with its channels last, by blocks of two vec4fs.
// Dispatched by src/autograd/kernels/convolutionLayout.ts.
//
//   pack   dy (N, K, H, W) -> (N * H, width, groups * blocks, 2) of vec4f
//
// Zero where there is no such channel or, since width is W rounded up, no such pixel.
// One thread for each vec4f.

struct Params {
  lines: u32, // N * H
  width: u32,
  groups: u32,
  blocks: u32, // of each group
  channels: u32, // of each group
  h: u32,
  w: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if ACTIVATED
@group(0) @binding(3) var<storage, read_write> packed: array<vec4f>;
#else
@group(0) @binding(2) var<storage, read_write> packed: array<vec4f>;
#endif

@compute @workgroup_size(WORKGROUP)
fn pack(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let to = threadIndex(id, groups);
  if (to >= p.lines * p.width * p.groups * p.blocks * 2u) {
    return;
  }
  let half = to & 1u;
  var i = to / 2u;
  let block = i % (p.groups * p.blocks);
  i /= p.groups * p.blocks;
  let column = i % p.width;
  let line = i / p.width;

  let group = block / p.blocks;
  let first = (block - group * p.blocks) * CHANNELS + 4u * half;
  let plane = line / p.h * p.groups * p.channels + group * p.channels + first;
  let at = (plane * p.h + line % p.h) * p.w + column;
  let step = p.h * p.w;
  let inside = column < p.w;
  var value = vec4f();
  if (inside && first < p.channels) { value.x = incoming(at); }
  if (inside && first + 1u < p.channels) { value.y = incoming(at + step); }
  if (inside && first + 2u < p.channels) { value.z = incoming(at + 2u * step); }
  if (inside && first + 3u < p.channels) { value.w = incoming(at + 3u * step); }
  packed[to] = value;
}
