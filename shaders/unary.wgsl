// unary: y = f(x) for each element.
// Dispatched by src/autograd/ops/unary.ts, which has the formulas and says what a and b are.
//
//   forward    x -> y           NaN stays NaN
//   backward   dy, kept -> dx   kept is x or y, whichever f's derivative is written in
//
// A thread takes several elements: its start costs as much as some of them.

struct Params {
  count: u32,
  a: f32,
  b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read> kept: array<scalar>;
@group(0) @binding(3) var<storage, read_write> dx: array<scalar>;

// 0 for NaN, as in PyTorch.
fn signOf(x: T) -> T {
  return select(sign(x), T(0), isNan(x));
}

// sin(x + quarters pi / 2). Adapters may compute the built-in one to three digits.
fn sine(x: f32, quarters: i32) -> f32 {
  let turns = round(x * 0.63661977); // quarter turns, taken off in three parts without rounding
  let r = ((x - turns * 1.5703125) - turns * 0.0004837513) - turns * 7.5497899e-8;
  let square = r * r;
  var odd = square / 362880.0 - 1.0 / 5040.0;
  odd = odd * square + 1.0 / 120.0;
  odd = odd * square - 1.0 / 6.0;
  var even = 1.0 / 40320.0 - square / 3628800.0;
  even = even * square - 1.0 / 720.0;
  even = even * square + 1.0 / 24.0;
  even = even * square - 0.5;
  let quadrant = i32(turns) + quarters;
  let y = select(odd * square * r + r, even * square + 1.0, (quadrant & 1) == 1);
  let signed = select(y, -y, (quadrant & 2) == 2);
  return select(signed, nan(), abs(x) > 0x1.fffffep+127f);
}

// At most 12, from where on f(x) = 0 or x: greater numbers would overflow.
fn bounded(x: f32) -> f32 {
  return clamp(x, -12.0, 12.0);
}

const GELU_SCALE = 1.5957691; // 2 sqrt(2 / pi)
const GELU_CUBIC = 0.044715;

fn value(x: T) -> T {
#if NEG
  return -x;
#elif ABS
  return abs(x);
#elif SIGN
  return signOf(x);
#elif FLOOR
  return floor(x);
#elif CEIL
  return ceil(x);
#elif ROUND
  return round(x);
#elif EXP
  return exp(x);
#elif LOG
  if (x <= 0.0) {
    return select(-infinity(), nan(), x < 0.0);
  }
  return log(x);
#elif SQRT
  return select(sqrt(x), nan(), x < 0.0);
#elif RSQRT
  return select(1.0 / sqrt(x), nan(), x < 0.0);
#elif SQUARE
  return x * x;
#elif RECIPROCAL
  return 1.0 / x;
#elif SIN
  return sine(x, 0);
#elif COS
  return sine(x, 1);
#elif RELU
  return max(x, T(0));
#elif HARDTANH
  return clamp(x, params.a, params.b);
#elif LEAKY_RELU
  return select(params.a * x, x, x > 0.0);
#elif ELU
  return select(params.a * expm1(x), x, x > 0.0);
#elif GELU
  return x * normalCdf(x);
#elif GELU_TANH
  return x * sigmoid(GELU_SCALE * (x + GELU_CUBIC * x * x * x));
#elif SILU
  return x * sigmoid(x);
#elif SOFTPLUS
  let scaled = params.a * x;
  return select(softplus(scaled) / params.a, x, scaled > params.b);
#elif SIGMOID
  return sigmoid(x);
#elif TANH
  return stableTanh(x);
#endif
}

// dL/dx where dL/dy is dy.
fn gradient(dy: f32, kept: f32) -> f32 {
#if NEG
  return -dy;
#elif ABS
  return dy * f32(signOf(T(kept)));
#elif EXP
  return dy * kept;
#elif LOG
  return dy / kept;
#elif SQRT
  return 0.5 * dy / kept;
#elif RSQRT
  return -0.5 * dy * kept * kept * kept;
#elif SQUARE
  return 2.0 * dy * kept;
#elif RECIPROCAL
  return -dy * kept * kept;
#elif SIN
  return dy * sine(kept, 1);
#elif COS
  return -dy * sine(kept, 0);
#elif RELU
  return select(dy, 0.0, kept <= 0.0);
#elif HARDTANH
  return select(dy, 0.0, kept <= params.a || kept >= params.b);
#elif LEAKY_RELU
  return select(params.a * dy, dy, kept > 0.0);
#elif ELU
  return select(dy, dy * params.a * exp(kept), kept <= 0.0);
#elif GELU
  let density = 0.39894228 * exp(-0.5 * kept * kept);
  return dy * (normalCdf(kept) + kept * density);
#elif GELU_TANH
  let x = bounded(kept);
  let s = sigmoid(GELU_SCALE * (x + GELU_CUBIC * x * x * x));
  return dy * (s + x * s * (1.0 - s) * GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * x * x));
#elif SILU
  let s = sigmoid(kept);
  return dy * s * (1.0 + kept * (1.0 - s));
#elif SOFTPLUS
  let scaled = params.a * kept;
  return select(dy * sigmoid(scaled), dy, scaled > params.b);
#elif SIGMOID
  return dy * kept * (1.0 - kept);
#elif TANH
  return dy * (1.0 - kept * kept);
#else
  return 0.0;
#endif
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let v = T(x[i]);
#if SIGN
    y[i] = scalar(value(v));
#else
    y[i] = select(scalar(value(v)), x[i], isNan(v));
#endif
  }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    dx[i] = scalar(gradient(f32(dy[i]), f32(kept[i])));
  }
}
