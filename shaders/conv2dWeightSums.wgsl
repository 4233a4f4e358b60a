// conv2dWeightSums: dW and dB from the sums of conv2dWeightGradient.wgsl.
// Dispatched by src/autograd/kernels/directGradients.ts.
//
//   finish   sums (slices, packed weights) -> weight, bias: those of a flag each
//
// The slices are added in order. One thread for each vec4f of packed weights, see conv2dPlaces.wgsl;
// with SHARED, which GPUs want, a workgroup, whose threads take every 64th slice. Parts that share a
// tap have the same sum.

struct Params {
  quads: u32, // of packed weights
  slices: u32,
  blocks: u32, // of each group
  inChannels: u32, // of each group, and so the next
  outChannels: u32,
  kernelH: u32,
  kernelW: u32,
  phases: u32,
  parts: u32,
  taps: u32,
  weightStart: i32,
  strideGroup: i32,
  strideOut: i32,
  strideIn: i32,
  strideKh: i32,
  strideKw: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<vec4f>;
#if WEIGHT
@group(0) @binding(2) var<storage, read_write> weight: array<scalar>;
const WITH_WEIGHT = 2u;
#else
const WITH_WEIGHT = 1u;
#endif
#if BIAS
@group(0) @binding(WITH_WEIGHT + 1u) var<storage, read_write> bias: array<scalar>;
#endif

fn sumOf(i: u32, first: u32, step: u32) -> vec4f {
  var sum = vec4f();
  for (var slice = first; slice < params.slices; slice += step) {
    sum += sums[slice * params.quads + i];
  }
  return sum;
}

fn store(i: u32, value: vec4f) {
  let p = params;
  let quad = i % QUADS;
  let t = i / QUADS % p.taps;
  let entry = i / (QUADS * p.taps);
  let block = entry / entriesOfBlock();
  let place = placeOf(block, entry - block * entriesOfBlock(), quad);
  if (place.isBias) {
#if BIAS
    for (var j = 0u; j < place.count && t == 0u; j++) {
      bias[place.channel + j] = scalar(value[j]);
    }
#endif
    return;
  }
#if WEIGHT
  let taps = layoutOfTaps();
  let both = sharedTaps(taps, place.part);
  let repeated = t >= both.x && t < both.y && isLastPart(taps, place.part);
  if (place.kw + t * p.phases < p.kernelW && !repeated) {
    let at = place.at + i32(t * p.phases) * p.strideKw;
    for (var j = 0u; j < place.count; j++) {
      weight[at + i32(j) * p.strideOut] = scalar(value[j]);
    }
  }
#endif
}

#if SHARED
var<workgroup> partial: array<vec4f, 64>;

@compute @workgroup_size(64)
fn finish(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = id.x + id.y * groups.x;
  partial[thread] = sumOf(i, thread, 64u);
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) {
      partial[thread] += partial[thread + half];
    }
  }
  if (thread == 0u && i < params.quads) {
    store(i, partial[0]);
  }
}
#else
@compute @workgroup_size(WORKGROUP)
fn finish(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i < params.quads) {
    store(i, sumOf(i, 0u, 1u));
  }
}
#endif
