// prelu: y = x where x > 0, else slope x, with a slope of its own for each channel.
// Dispatched by src/autograd/ops/prelu.ts.
//
//   forward    x, slope -> y
//   backward   dy, x, slope -> dx, dSlope   dSlope has an element for each of x, still to be added up
//
// A thread takes several elements.

struct Params {
  count: u32,
  channels: u32, // of slope; 1 for all
  inner: u32, // elements of a channel in each example
  start: u32, // of x in a larger array that is taken part by part
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> slope: array<scalar>;
@group(0) @binding(3) var<storage, read_write> y: array<scalar>;

@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read> input: array<scalar>;
@group(0) @binding(3) var<storage, read> slopes: array<scalar>;
@group(0) @binding(4) var<storage, read_write> dx: array<scalar>;
@group(0) @binding(5) var<storage, read_write> dSlope: array<f32>;

fn channelOf(i: u32) -> u32 {
  return (params.start + i) / params.inner % params.channels;
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let v = f32(x[i]);
    y[i] = scalar(select(f32(slope[channelOf(i)]) * v, v, v > 0.0));
  }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let d = f32(dy[i]);
    let v = f32(input[i]);
    let positive = v > 0.0;
    dx[i] = scalar(select(f32(slopes[channelOf(i)]) * d, d, positive));
    dSlope[i] = select(d * v, 0.0, positive);
  }
}
