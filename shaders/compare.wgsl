// compare: y = 1 where the relation holds between a and b, which are broadcast, else 0.
// Dispatched by src/autograd/ops/compare.ts.
//
//   compare   a, b -> y   each thread takes several elements
//
// With NUMBER, b is a number, rounded to the type of a, and a has the shape of y.

struct Params {
  count: u32,
  number: u32, // its bits, as T
  start: u32, aPart: u32, bPart: u32,
  size0: u32, size1: u32, size2: u32, size3: u32, size4: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, aOuter: u32, aOffset: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, bOuter: u32, bOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<scalar>;
#if NUMBER
@group(0) @binding(2) var<storage, read_write> y: array<i32>;
#else
@group(0) @binding(2) var<storage, read> b: array<scalar>;
@group(0) @binding(3) var<storage, read_write> y: array<i32>;
#endif

fn holds(a: T, b: T) -> bool {
#if NE
  return isNan(a) || isNan(b) || a != b;
#else
  if (isNan(a) || isNan(b)) {
    return false;
  }
#if EQ
  return a == b;
#elif LT
  return a < b;
#elif LE
  return a <= b;
#elif GT
  return a > b;
#elif GE
  return a >= b;
#endif
#endif
}

@compute @workgroup_size(WORKGROUP)
fn compare(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
#if NUMBER
    y[i] = i32(holds(T(a[i]), T(scalar(bitcast<T>(params.number)))));
#else
    let at = operandsOf(i);
    y[i] = i32(holds(T(a[at.x]), T(b[at.y])));
#endif
  }
}
