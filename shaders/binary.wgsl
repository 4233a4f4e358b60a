// binary: y = f(a, b) for each element, a and b broadcast.
// Dispatched by src/autograd/ops/binary.ts, which has the formulas.
//
//   forward    a, b -> y
//   backward   dy, a, b -> grad   dy df/da, or with WRT_B dy df/db, of the shape of y
//
// With NUMBER, b is a number and a has the shape of y; with NUMBER_FIRST too, a is the number, and
// b the array that is bound as a. Each thread takes several elements of y.

struct Params {
  count: u32,
  number: u32, // its bits, as T
  start: u32, aPart: u32, bPart: u32,
  size0: u32, size1: u32, size2: u32, size3: u32, size4: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, aOuter: u32, aOffset: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, bOuter: u32, bOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if BACKWARD
@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read> a: array<scalar>;
#if NUMBER
@group(0) @binding(3) var<storage, read_write> grad: array<scalar>;
#else
@group(0) @binding(3) var<storage, read> b: array<scalar>;
@group(0) @binding(4) var<storage, read_write> grad: array<scalar>;
#endif
#else
@group(0) @binding(1) var<storage, read> a: array<scalar>;
#if NUMBER
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;
#else
@group(0) @binding(2) var<storage, read> b: array<scalar>;
@group(0) @binding(3) var<storage, read_write> y: array<scalar>;
#endif
#endif

#if I32
fn power(base: i32, exponent: i32) -> i32 {
  if (exponent < 0) {
    // 1 / base^n, truncated
    let sign = select(base, 1, (exponent & 1) == 0);
    return select(0, sign, abs(base) == 1);
  }
  return repeatedSquares(base, u32(exponent));
}
#elif U32
fn power(base: u32, exponent: u32) -> u32 {
  return repeatedSquares(base, exponent);
}
#else
fn power(base: f32, exponent: f32) -> f32 {
  if (isNan(exponent)) {
    return select(exponent, 1.0, base == 1.0);
  }
  let whole = floor(exponent) == exponent;
  let size = abs(exponent);
  if (whole && size <= 64.0) {
    let p = repeatedSquares(base, u32(size));
    return select(p, 1.0 / p, exponent < 0.0);
  }
  // From here on WGSL's own functions are undefined at 0, below it and for NaN.
  if (isNan(base)) {
    return base;
  }
  if (base == 0.0) {
    return select(0.0, infinity(), exponent < 0.0);
  }
  if (abs(base) == 1.0 && isInfinite(exponent)) {
    return 1.0;
  }
  let p = exp2(exponent * log2(abs(base)));
  if (base > 0.0) {
    return p;
  }
  let odd = whole && size < 16777216.0 && (u32(size) & 1u) == 1u;
  return select(nan(), select(p, -p, odd), whole || isInfinite(base));
}

// Variables, since as constants they would not compile.
fn infinity() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}

fn isInfinite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u;
}

fn nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}
#endif

fn repeatedSquares(base: T, exponent: u32) -> T {
  var result = T(1);
  var square = base;
  for (var n = exponent; n > 0u; n >>= 1u) {
    if ((n & 1u) == 1u) {
      result *= square;
    }
    square *= square;
  }
  return result;
}

fn value(a: T, b: T) -> T {
#if ADD
  return a + b;
#elif SUB
  return a - b;
#elif MUL
  return a * b;
#elif DIV
  return a / b;
#elif MAXIMUM
  if (isNan(a) || isNan(b)) {
    return select(b, a, isNan(a));
  }
  return max(a, b);
#elif MINIMUM
  if (isNan(a) || isNan(b)) {
    return select(b, a, isNan(a));
  }
  return min(a, b);
#elif POW
  return power(a, b);
#elif REMAINDER
  return remainder(a, b);
#elif FMOD
  return truncatedRemainder(a, b);
#endif
}

// a - b trunc(a / b), of the sign of a.
fn truncatedRemainder(a: T, b: T) -> T {
#if I32
  return a % b;
#elif U32
  return a % b;
#else
  if (isInfinite(b) && !isInfinite(a) && !isNan(a)) {
    return a;
  }
  if (b == 0.0 || isInfinite(a)) {
    return nan();
  }
  let size = abs(b);
  let left = abs(a);
  // The quotient is rounded, perhaps to the next whole number.
  var rest = fma(-trunc(left / size), size, left);
  if (rest < 0.0) {
    rest += size;
  } else if (rest >= size) {
    rest -= size;
  }
  return select(rest, -rest, a < 0.0);
#endif
}

// a - b floor(a / b), of the sign of b.
fn remainder(a: T, b: T) -> T {
  let rest = truncatedRemainder(a, b);
#if U32
  return rest;
#else
  return select(rest, rest + b, rest != T(0) && (rest < T(0)) != (b < T(0)));
#endif
}

#if BACKWARD
fn winnerShare(loses: bool, ties: bool) -> f32 {
  return select(select(1.0, 0.0, loses), 0.5, ties);
}

// df/da, or with WRT_B df/db.
fn slope(a: f32, b: f32) -> f32 {
#if MUL
#if WRT_B
  return a;
#else
  return b;
#endif
#elif DIV
#if WRT_B
  return -a / (b * b);
#else
  return 1.0 / b;
#endif
#elif MAXIMUM
#if WRT_B
  return winnerShare(b < a, a == b);
#else
  return winnerShare(a < b, a == b);
#endif
#elif MINIMUM
#if WRT_B
  return winnerShare(a < b, a == b);
#else
  return winnerShare(b < a, a == b);
#endif
#elif POW
#if WRT_B
  if (a == 0.0) {
    return select(-infinity(), 0.0, b >= 0.0);
  }
  if (a < 0.0 || isNan(a)) {
    return nan();
  }
  return power(a, b) * log(a);
#else
  if (b == 0.0) {
    return 0.0;
  }
  return b * power(a, b - 1.0);
#endif
#elif REMAINDER
  return -round((a - remainder(a, b)) / b);
#elif FMOD
  return -round((a - truncatedRemainder(a, b)) / b);
#else
  // add, sub: only the gradient of sub's b is not dy itself
  return -1.0;
#endif
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
#if NUMBER
    let number = bitcast<T>(params.number);
#if NUMBER_FIRST
    grad[i] = scalar(T(dy[i]) * slope(number, T(a[i])));
#else
    grad[i] = scalar(T(dy[i]) * slope(T(a[i]), number));
#endif
#else
    let at = operandsOf(i);
    grad[i] = scalar(T(dy[i]) * slope(T(a[at.x]), T(b[at.y])));
#endif
  }
}
#else
@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
#if NUMBER
    let number = bitcast<T>(params.number);
#if NUMBER_FIRST
    y[i] = scalar(value(number, T(a[i])));
#else
    y[i] = scalar(value(T(a[i]), number));
#endif
#else
    let at = operandsOf(i);
    y[i] = scalar(value(T(a[at.x]), T(b[at.y])));
#endif
  }
}
#endif
