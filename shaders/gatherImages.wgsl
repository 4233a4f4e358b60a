// gatherImages: some images of a data set of bytes, in a given order, normalised.
// Dispatched by src/data/imageDataset.ts.
//
//   gather   pixels, order, scaleShift -> x   one thread for each element of x, (count, C, H, W)
//
// pixels holds the bytes of all images (N, C, H, W), four to a word, the first one lowest.

struct Params {
  count: u32, // elements of x
  imageSize: u32, // C * H * W
  planeSize: u32, // H * W
  start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pixels: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> scaleShift: array<vec2f>; // by channel
@group(0) @binding(4) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn gather(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i >= params.count) {
    return;
  }
  let within = i % params.imageSize;
  let at = order[params.start + i / params.imageSize] * params.imageSize + within;
  let byte = (pixels[at / 4u] >> (8u * (at % 4u))) & 0xffu;
  let channel = scaleShift[within / params.planeSize];
  x[i] = f32(byte) * channel.x + channel.y;
}
