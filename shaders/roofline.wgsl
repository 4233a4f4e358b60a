// roofline: what an adapter does at most, measured by kernels that do nothing else.
// Dispatched by src/gpu/roofline.ts.
//
//   multiplyAdd   -> y     each thread: `rounds` times 8 independent multiply-adds of vec4f
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
// The chains start apart, or the compiler would compute one of them, and end at numbers near 1: those
// near 0 are slow on some adapters.
@compute @workgroup_size(WORKGROUP)
fn multiplyAdd(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  let factor = vec4f(0.5, 0.25, 0.75, 0.125);
  let start = vec4f(1.0 + f32(i % 16u));
  var a = start;
  var b = start + 1.0;
  var c = start + 2.0;
  var d = start + 3.0;
  var e = start + 4.0;
  var f = start + 5.0;
  var g = start + 6.0;
  var h = start + 7.0;
  for (var round = 0u; round < params.rounds; round++) {
    a = a * factor + start;
    b = b * factor + start;
    c = c * factor + start;
    d = d * factor + start;
    e = e * factor + start;
    f = f * factor + start;
    g = g * factor + start;
    h = h * factor + start;
  }
  if (i < params.count) {
    y[i] = a + b + c + d + e + f + g + h;
  }
}

@compute @workgroup_size(WORKGROUP)
fn nothing(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (params.rounds > 0u) {
    y[threadIndex(id, groups)] = vec4f();
  }
}
#endif
