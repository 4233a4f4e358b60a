// reduceBackward: gradients of reductions, with respect to each element of x. The row of an element
// is the place of its result in y; strides.wgsl gives both, x as a and y as b.
// Dispatched by src/autograd/kernels/reduceBackward.ts.
//
//   mark       x, y -> hits          1 where x is the extreme y of its row, else 0; with ABS sign(x)
//                                    where its size is, else 0
//   backward   dy, x, ... -> dx      SCALE   dy scale x
//                                    SIGN    dy sign(x)
//                                    RATIO   dy scale x / y, 0 where y = 0
//                                    PROD    dy times the product of the other elements of the row,
//                                            from the product of those that are not 0 and the count
//                                            of those that are
//
// Each thread takes several elements.

struct Params {
  count: u32,
  scale: f32,
  size0: u32, size1: u32, size2: u32, size3: u32, size4: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, aOuter: u32, aOffset: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, bOuter: u32, bOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if MARK
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> y: array<scalar>;
@group(0) @binding(3) var<storage, read_write> hits: array<scalar>;

@compute @workgroup_size(WORKGROUP)
fn mark(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let at = offsetsOf(i);
    let value = f32(x[at.x]);
    let extreme = f32(y[at.y]);
#if ABS
    let hit = sign(value);
    let size = abs(value);
#else
    let hit = 1.0;
    let size = value;
#endif
    let bothNan = isNan(size) && isNan(extreme);
    let equal = !isNan(size) && !isNan(extreme) && size == extreme;
    hits[at.x] = scalar(select(0.0, select(hit, 1.0, bothNan), bothNan || equal));
  }
}
#else
@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read> x: array<scalar>;
#if RATIO
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<scalar>;
#elif PROD
@group(0) @binding(3) var<storage, read> product: array<f32>;
@group(0) @binding(4) var<storage, read> zeros: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<scalar>;
#else
@group(0) @binding(3) var<storage, read_write> dx: array<scalar>;
#endif

fn slope(x: f32, row: u32) -> f32 {
#if SCALE
  return params.scale * x;
#elif SIGN
  return sign(x);
#elif RATIO
  if (y[row] == 0.0) {
    return 0.0;
  }
  return params.scale * x / y[row];
#elif PROD
  if (zeros[row] == 0.0) {
    return product[row] / x;
  }
  return select(0.0, product[row], zeros[row] == 1.0 && x == 0.0);
#endif
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let at = offsetsOf(i);
    dx[at.x] = scalar(f32(dy[at.y]) * slope(f32(x[at.x]), at.y));
  }
}
#endif
