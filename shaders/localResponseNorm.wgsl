// localResponseNorm: each element of x, (outer, channels, inner), over a power of what its
// neighbours in other channels are. Dispatched by src/autograd/ops/localResponseNorm.ts, which has
// the formulas.
//
//   forward    x -> y, d             d only with KEEP
//   backward   dy, x, d -> dx
//
// Channels lie `inner` elements apart, so that neighbouring threads read neighbouring addresses.
// THREE_QUARTERS takes the power of beta = 0.75, which everybody uses, by square roots: they are
// faster and more exact than pow().

struct Params {
  count: u32,
  channels: u32,
  inner: u32,
  before: u32, // channels of a window before its own
  after: u32,
  scale: f32, // alpha / size
  beta: f32,
  k: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;
@group(0) @binding(3) var<storage, read_write> dOut: array<f32>;

@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read> xKept: array<scalar>;
@group(0) @binding(3) var<storage, read> d: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<scalar>;

// d^-beta
fn powered(d: f32) -> f32 {
#if THREE_QUARTERS
  let root = inverseSqrt(d);
  return root * sqrt(root);
#else
  return select(pow(d, -params.beta), d, isNan(d)); // pow() may lose NaN
#endif
}

// The elements `before` channels before element i to `after` channels after it, as far as there are
// such: first, first + inner, ... below end.
struct Neighbours {
  first: u32,
  end: u32,
}

fn neighbours(i: u32, before: u32, after: u32) -> Neighbours {
  let channel = i / params.inner % params.channels;
  let left = min(before, channel);
  let right = min(after, params.channels - 1u - channel);
  return Neighbours(i - left * params.inner, i + right * params.inner + 1u);
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let around = neighbours(i, params.before, params.after);
    var squares = 0.0;
    for (var at = around.first; at < around.end; at += params.inner) {
      let value = f32(x[at]);
      squares += value * value;
    }
    let sum = params.k + params.scale * squares;
    y[i] = scalar(f32(x[i]) * powered(sum));
#if KEEP
    dOut[i] = sum;
#endif
  }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    // Those whose windows i is in.
    let around = neighbours(i, params.after, params.before);
    var sum = 0.0;
    for (var at = around.first; at < around.end; at += params.inner) {
      sum += f32(dy[at]) * f32(xKept[at]) * powered(d[at]) / d[at];
    }
    let own = f32(dy[i]) * powered(d[i]);
    dx[i] = scalar(own - 2.0 * params.scale * params.beta * f32(xKept[i]) * sum);
  }
}
