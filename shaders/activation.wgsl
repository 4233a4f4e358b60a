// activation: functions that several kernels apply, stable over the whole range of f32 and precise
// near 0, where the built-in ones may be wrong in the third digit.

fn sigmoid(x: f32) -> f32 {
  // exp of a negative number alone, which cannot overflow
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// e^x - 1
fn expm1(x: f32) -> f32 {
  if (abs(x) > 0.5) {
    return exp(x) - 1.0;
  }
  // the series of e^x, to the eighth power
  var sum = 1.0 / 40320.0;
  sum = sum * x + 1.0 / 5040.0;
  sum = sum * x + 1.0 / 720.0;
  sum = sum * x + 1.0 / 120.0;
  sum = sum * x + 1.0 / 24.0;
  sum = sum * x + 1.0 / 6.0;
  sum = sum * x + 0.5;
  return sum * x * x + x;
}

// ln(1 + e) for e from 0 to 1: 2 artanh(s) by its series, where s is 1/3 at most
fn log1p(e: f32) -> f32 {
  let s = e / (2.0 + e);
  let square = s * s;
  var sum = 1.0 / 15.0;
  sum = sum * square + 1.0 / 13.0;
  sum = sum * square + 1.0 / 11.0;
  sum = sum * square + 1.0 / 9.0;
  sum = sum * square + 1.0 / 7.0;
  sum = sum * square + 1.0 / 5.0;
  sum = sum * square + 1.0 / 3.0;
  return 2.0 * (sum * square * s + s);
}

fn stableTanh(x: f32) -> f32 {
  let e = expm1(-2.0 * abs(x)); // from -1 to 0
  let y = -e / (2.0 + e);
  return select(y, -y, x < 0.0);
}

// ln(1 + e^x)
fn softplus(x: f32) -> f32 {
  return max(x, 0.0) + log1p(exp(-abs(x)));
}

// The normal distribution's probability of more than x >= 0: erfc(x / sqrt(2)) / 2, to 1.2e-7 of
// itself, by the Chebyshev fit of Numerical Recipes (section 6.2, erfcc).
fn upperTail(x: f32) -> f32 {
  let z = x * 0.70710678;
  let t = 1.0 / (1.0 + 0.5 * z);
  var fit = 0.17087277;
  fit = fit * t - 0.82215223;
  fit = fit * t + 1.48851587;
  fit = fit * t - 1.13520398;
  fit = fit * t + 0.27886807;
  fit = fit * t - 0.18628806;
  fit = fit * t + 0.09678418;
  fit = fit * t + 0.37409196;
  fit = fit * t + 1.00002368;
  fit = fit * t - 1.26551223;
  return 0.5 * t * exp(fit - z * z);
}

// The normal distribution's probability of less than x.
fn normalCdf(x: f32) -> f32 {
  let tail = upperTail(abs(x));
  return select(tail, 1.0 - tail, x >= 0.0);
}
