// conv2dChannels: the channels of one block, which a thread holds together in registers.
// A block is 8 channels, or 6 where that leaves fewer idle; 4 or 1 where a group has no more. In
// memory it is QUADS vec4s.

#if ONE
const CHANNELS = 1u;
const QUADS = 1u;
struct Channels {
  low: f32,
}
#elif FOUR
const CHANNELS = 4u;
const QUADS = 1u;
struct Channels {
  low: vec4f,
}
#elif SIX
const CHANNELS = 6u;
const QUADS = 2u;
struct Channels {
  low: vec4f,
  high: vec2f,
}
#else
const CHANNELS = 8u;
const QUADS = 2u;
struct Channels {
  low: vec4f,
  high: vec4f,
}
#endif

// `high` counts only where QUADS is 2.
fn channelsOf(low: vec4f, high: vec4f) -> Channels {
#if ONE
  return Channels(low.x);
#elif FOUR
  return Channels(low);
#elif SIX
  return Channels(low, high.xy);
#else
  return Channels(low, high);
#endif
}

fn lowOf(value: Channels) -> vec4f {
#if ONE
  return vec4f(value.low, 0.0, 0.0, 0.0);
#else
  return value.low;
#endif
}

fn highOf(value: Channels) -> vec4f {
#if ONE
  return vec4f();
#elif FOUR
  return vec4f();
#elif SIX
  return vec4f(value.high, 0.0, 0.0);
#else
  return value.high;
#endif
}

fn addProduct(sum: Channels, x: f32, w: Channels) -> Channels {
#if ONE
  return Channels(fma(x, w.low, sum.low));
#elif FOUR
  return Channels(fma(vec4f(x), w.low, sum.low));
#elif SIX
  return Channels(fma(vec4f(x), w.low, sum.low), fma(vec2f(x), w.high, sum.high));
#else
  return Channels(fma(vec4f(x), w.low, sum.low), fma(vec4f(x), w.high, sum.high));
#endif
}
