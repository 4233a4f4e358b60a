// winogradLines: one dimension of minimal filtering (Cook and Toom; Winograd), in winograd.wgsl.
//
// A correlation of N values with a filter of R gives M = N - R + 1 results by N products:
//   results = A^T ((G filter) * (B^T values))
// where G evaluates a polynomial whose coefficients are the filter at N - 1 points and takes its
// leading coefficient (the point at infinity), A^T has the powers of the points, and B^T the
// coefficients of the polynomials that are zero at all points but one. The points:
//
//   N = 4   0, 1, -1, infinity
//   N = 6   0, 1, -1, 1/2, -2, infinity     (with 2 and -2 the errors are half as large again)
//   N = 8   0, 1, -1, 2, -2, 1/2, -1/2, infinity
//
// `along` is one of the three, from lines of `In` to lines of `Out`, by flag: INPUT is B^T, OUTPUT is
// A^T, and neither is G. The flags IN_3, IN_4, ... and OUT_3, OUT_4, ... say that there are so many
// elements or more.

#if IN_8
alias In = array<f32, 8>;
#elif IN_6
alias In = array<f32, 6>;
#elif IN_5
alias In = array<f32, 5>;
#elif IN_4
alias In = array<f32, 4>;
#elif IN_3
alias In = array<f32, 3>;
#else
alias In = array<f32, 2>;
#endif

#if OUT_8
alias Out = array<f32, 8>;
#elif OUT_6
alias Out = array<f32, 6>;
#elif OUT_5
alias Out = array<f32, 5>;
#elif OUT_4
alias Out = array<f32, 4>;
#elif OUT_3
alias Out = array<f32, 3>;
#else
alias Out = array<f32, 2>;
#endif

// The first elements of a line of up to eight.
fn lineOf(a: f32, b: f32, c: f32, d: f32, e: f32, f: f32, g: f32, h: f32) -> In {
#if IN_8
  return In(a, b, c, d, e, f, g, h);
#elif IN_6
  return In(a, b, c, d, e, f);
#elif IN_5
  return In(a, b, c, d, e);
#elif IN_4
  return In(a, b, c, d);
#elif IN_3
  return In(a, b, c);
#else
  return In(a, b);
#endif
}

#if INPUT
fn along(d: In) -> Out {
#if IN_8
  let even = d[2] - 4.25 * d[4] + d[6];
  let odd = d[1] - 4.25 * d[3] + d[5];
  let evenTwo = 0.25 * d[2] - 1.25 * d[4] + d[6];
  let oddTwo = 0.5 * d[1] - 2.5 * d[3] + 2.0 * d[5];
  let evenHalf = 4.0 * d[2] - 5.0 * d[4] + d[6];
  let oddHalf = 2.0 * d[1] - 2.5 * d[3] + 0.5 * d[5];
  return Out(
    d[6] - d[0] + 5.25 * (d[2] - d[4]),
    even + odd, even - odd,
    evenTwo + oddTwo, evenTwo - oddTwo,
    evenHalf + oddHalf, evenHalf - oddHalf,
    d[7] - d[1] + 5.25 * (d[3] - d[5]));
#elif IN_6
  let far = d[4] - d[2];
  let near = d[3] - d[1];
  return Out(
    d[0] + 1.5 * near - 2.0 * d[2] + d[4],
    0.5 * d[2] + 2.5 * d[3] + d[4] - d[1],
    d[1] - 2.5 * d[2] + 0.5 * d[3] + d[4],
    far + 2.0 * near,
    far - 0.5 * near,
    d[1] + 1.5 * far - 2.0 * d[3] + d[5]);
#else
  return Out(d[2] - d[0], d[1] + d[2], d[2] - d[1], d[3] - d[1]);
#endif
}
#elif OUTPUT
fn along(m: In) -> Out {
#if IN_8
  let ones = m[1] + m[2];
  let twos = m[3] + m[4];
  let halves = m[5] + m[6];
  let oddOnes = m[1] - m[2];
  let oddTwos = m[3] - m[4];
  let oddHalves = m[5] - m[6];
  let p0 = m[0] + ones + twos + halves;
  let p1 = oddOnes + 2.0 * oddTwos + 0.5 * oddHalves;
  let p2 = ones + 4.0 * twos + 0.25 * halves;
  let p3 = oddOnes + 8.0 * oddTwos + 0.125 * oddHalves;
  let p4 = ones + 16.0 * twos + 0.0625 * halves;
  let last = m[7];
#elif IN_6
  let ones = m[1] + m[2];
  let oddOnes = m[1] - m[2];
  let p0 = m[0] + ones + m[3] + m[4];
  let p1 = oddOnes + 0.5 * m[3] - 2.0 * m[4];
  let p2 = ones + 0.25 * m[3] + 4.0 * m[4];
  let p3 = oddOnes + 0.125 * m[3] - 8.0 * m[4];
  let p4 = ones + 0.0625 * m[3] + 16.0 * m[4];
  let last = m[5];
#else
  let p0 = m[0] + m[1] + m[2];
  let p1 = m[1] - m[2];
  let p2 = m[1] + m[2];
  let last = m[3];
#endif
#if OUT_5
  return Out(p0, p1, p2, p3, p4 + last);
#elif OUT_4
  return Out(p0, p1, p2, p3 + last);
#elif OUT_3
  return Out(p0, p1, p2 + last);
#else
  return Out(p0, p1 + last);
#endif
}
#else
// The polynomial with these coefficients at x.
fn valueAt(g: In, x: f32) -> f32 {
#if IN_5
  return g[0] + x * (g[1] + x * (g[2] + x * (g[3] + x * g[4])));
#elif IN_4
  return g[0] + x * (g[1] + x * (g[2] + x * g[3]));
#elif IN_3
  return g[0] + x * (g[1] + x * g[2]);
#else
  return g[0] + x * g[1];
#endif
}

// Values by the products of the differences of their point and the others.
fn along(g: In) -> Out {
#if IN_5
  let last = g[4];
#elif IN_4
  let last = g[3];
#elif IN_3
  let last = g[2];
#else
  let last = g[1];
#endif
#if OUT_8
  return Out(
    -g[0],
    valueAt(g, 1.0) / -4.5, valueAt(g, -1.0) / -4.5,
    valueAt(g, 2.0) / 90.0, valueAt(g, -2.0) / 90.0,
    valueAt(g, 0.5) / 1.40625, valueAt(g, -0.5) / 1.40625,
    last);
#elif OUT_6
  return Out(
    g[0],
    valueAt(g, 1.0) / 3.0, valueAt(g, -1.0) / -3.0,
    valueAt(g, 0.5) / -0.9375, valueAt(g, -2.0) / 15.0,
    last);
#else
  return Out(-g[0], valueAt(g, 1.0) / 2.0, valueAt(g, -1.0) / 2.0, last);
#endif
}
#endif
