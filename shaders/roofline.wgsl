// roofline: what an adapter does at most, measured by kernels that do nothing else.
// Dispatched by src/gpu/roofline.ts.
//
//   multiplyAdd   -> y     each thread: `rounds` times 8 multiply-adds of 8 independent vec4f
//   copy          x -> y   a thread copies several vec4fs
//   nothing       -> y     returns at once, the cost of a dispatch, unless there are rounds

struct Params {
  count: u32, // threads that write, or vec4fs that are copied
  rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if COPY
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
#else
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
#endif

#if COPY
@compute @workgroup_size(WORKGROUP)
fn copy(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    y[i] = x[i];
  }
}
#else
// Independent sums.
struct Chains {
  a: vec4f,
  b: vec4f,
  c: vec4f,
  d: vec4f,
  e: vec4f,
  f: vec4f,
  g: vec4f,
  h: vec4f,
}

fn advanced(x: Chains, start: vec4f) -> Chains {
  const factor = vec4f(0.5, 0.25, 0.75, 0.125);
  return Chains(
    x.a * factor + start,
    x.b * factor + start,
    x.c * factor + start,
    x.d * factor + start,
    x.e * factor + start,
    x.f * factor + start,
    x.g * factor + start,
    x.h * factor + start,
  );
}

// The chains start apart, or the compiler would compute one of them, and end at numbers near 1: those
// near 0 are slow on some adapters. A round is of 8 steps, since some copy all sums from one to the next.
@compute @workgroup_size(WORKGROUP)
fn multiplyAdd(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  let start = vec4f(1.0 + f32(i % 16u));
  var x = Chains(
    start, start + 1.0, start + 2.0, start + 3.0, start + 4.0, start + 5.0, start + 6.0, start + 7.0,
  );
  for (var round = 0u; round < params.rounds; round++) {
    x = advanced(advanced(advanced(advanced(x, start), start), start), start);
    x = advanced(advanced(advanced(advanced(x, start), start), start), start);
  }
  if (i < params.count) {
    y[i] = x.a + x.b + x.c + x.d + x.e + x.f + x.g + x.h;
  }
}

@compute @workgroup_size(WORKGROUP)
fn nothing(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (params.rounds > 0u) {
    y[threadIndex(id, groups)] = vec4f();
  }
}
#endif
