// where: y = condition != 0 ? a : b for each element. A scalar has step 0, the rest step 1.
// Dispatched by src/autograd/ops/where.ts, backward too.
//
//   choose   condition, a, b -> y   each thread takes several elements; values move as they are

struct Params {
  count: u32,
  conditionStep: u32,
  aStep: u32,
  bStep: u32,
}

#if CONDITION_F16
alias Condition = f16;
#else
alias Condition = T;
#endif

#if VALUE_F16
alias Value = f16;
#else
alias Value = u32; // the bits of any other type
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> condition: array<Condition>;
@group(0) @binding(2) var<storage, read> a: array<Value>;
@group(0) @binding(3) var<storage, read> b: array<Value>;
@group(0) @binding(4) var<storage, read_write> y: array<Value>;

@compute @workgroup_size(WORKGROUP)
fn choose(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let c = T(condition[i * params.conditionStep]);
    if (isNan(c) || c != T(0)) {
      y[i] = a[i * params.aStep];
    } else {
      y[i] = b[i * params.bStep];
    }
  }
}
