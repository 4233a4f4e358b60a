// bits: the type of elements that are only moved, whatever their dtype: f16, or words.

#if F16
alias bits = f16;

fn bitsOf(word: u32) -> bits {
  return bitcast<vec2<f16>>(word).x;
}
#else
alias bits = u32;

fn bitsOf(word: u32) -> bits {
  return word;
}
#endif
