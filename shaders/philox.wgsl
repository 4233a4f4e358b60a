// philox: Philox 4x32-10, a counter-based random number generator (Salmon et al., SC 2011).
// src/random/philox.ts is the same function in TypeScript and gives the same bits.

fn mulHigh(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let middle = aHigh * bLow + ((aLow * bLow) >> 16u);
  let middle2 = (middle & 0xffffu) + aLow * bHigh;
  return aHigh * bHigh + (middle >> 16u) + (middle2 >> 16u);
}

fn philox(block: vec4u, seed: vec2u) -> vec4u {
  var c = block;
  var k = seed;
  for (var round = 0u; round < 10u; round++) {
    let high0 = mulHigh(0xd2511f53u, c.x);
    let low0 = 0xd2511f53u * c.x;
    let high1 = mulHigh(0xcd9e8d57u, c.z);
    let low1 = 0xcd9e8d57u * c.z;
    c = vec4u(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// A word as a number in [0, 1): its upper 24 bits, exact in f32.
fn toUnit(word: u32) -> f32 {
  return f32(word >> 8u) / 16777216.0;
}
