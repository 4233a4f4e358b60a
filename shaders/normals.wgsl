// normals: two independent numbers of the standard normal distribution from two random words, by the
// transform of Box and Muller. Needs philox.wgsl.

const TAU = 6.283185307179586;

fn standardNormals(a: u32, b: u32) -> vec2f {
  // In (0, 1], in steps of 2^-32 near 0: the tails reach 6.6 standard deviations.
  let u = min((f32(a) + 1.0) / 4294967296.0, 1.0);
  let radius = sqrt(max(-2.0 * log(u), 0.0));
  let angle = (toUnit(b) - 0.5) * TAU; // in [-pi, pi), where cos and sin are most precise
  return radius * vec2f(cos(angle), sin(angle));
}
