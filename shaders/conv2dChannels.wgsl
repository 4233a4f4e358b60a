// conv2dChannels: the channels of one block, which a thread holds together in registers.
// A block is 8 channels, or 6 where that leaves fewer idle. In memory it is two vec4f either way.

#if SIX
alias High = vec2f;
const CHANNELS = 6u;
#else
alias High = vec4f;
const CHANNELS = 8u;
#endif

struct Channels {
  low: vec4f,
  high: High,
}

fn channelsOf(low: vec4f, high: vec4f) -> Channels {
#if SIX
  return Channels(low, high.xy);
#else
  return Channels(low, high);
#endif
}

fn addProduct(sum: Channels, x: f32, w: Channels) -> Channels {
  return Channels(sum.low + x * w.low, sum.high + x * w.high);
}
