// matmul: C = op(A) op(B) + bias, row-major, where op is the identity or the transpose.
// Dispatched by src/autograd/kernels/matmul.ts.
//
//   op(A) (M, K), op(B) (K, N), bias (N) -> C (M, N)
//
// One thread for each block of 8, 4 or 1 rows and 8 columns of C, held in registers. There is no
// workgroup memory: neighbours read the same rows and columns through the cache.
//
// A 4x4 block of C gains a product of two 4x4 blocks at each step. WGSL's matrices are stored by
// columns, so the code holds the transposes of all three, of which each column is a row that is
// contiguous in memory: C^T += B^T A^T.
//
// Several products run at once: `batch` of them, and of each `splits` parts of the sum over K,
// which go to (splits, batch, M, N) of f32 and are added up by reduce.wgsl. The sums are of f32, and
// with ADD they are added to C.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  span: u32, // of K, in each split; a multiple of 4
  splits: u32,
  batch: u32,
  inner: u32, // batch = outer * inner, and A and B move by their own strides along both
  aStart: u32,
  aOuter: u32,
  aInner: u32,
  bStart: u32,
  bOuter: u32,
  bInner: u32,
  cStart: u32,
  aStride: u32, // elements from one row of A, as it is stored, to the next
  bStride: u32,
  cStride: u32,
}

// Blocks of rows that threads with consecutive numbers take, before they go to the next column.
override BAND: u32 = 1u;

#if A_QUADS
alias A = vec4<scalar>;
#else
alias A = scalar;
#endif
#if B_QUADS
alias B = vec4<scalar>;
#else
alias B = scalar;
#endif
#if SPLIT
alias C = f32; // parts of sums
#else
alias C = scalar;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<A>;
@group(0) @binding(2) var<storage, read> b: array<B>;
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<scalar>;
@group(0) @binding(4) var<storage, read_write> c: array<C>;
#else
@group(0) @binding(3) var<storage, read_write> c: array<C>;
#endif

const COLS = 8u;
#if ROWS_8
const ROWS = 8u;
#elif ROWS_4
const ROWS = 4u;
#else
const ROWS = 1u;
#endif

// `Rows` is a block of op(A) or C, transposed; `Column` one column of a block of op(A).
#if ROWS_1
alias Rows = vec4f;
alias Column = f32;
#else
alias Rows = mat4x4f;
alias Column = vec4f;
#endif

// Four elements of A from its element i on. What lies outside a matrix is read as well, as some
// other number of the array, and ends in elements of C that are not stored.
fn aQuad(i: u32) -> vec4f {
#if A_QUADS
  return vec4f(a[i / 4u]);
#else
  return vec4f(vec4<scalar>(a[i], a[i + 1u], a[i + 2u], a[i + 3u]));
#endif
}

fn aElement(i: u32) -> f32 {
#if A_QUADS
  return f32(a[i / 4u][i % 4u]);
#else
  return f32(a[i]);
#endif
}

fn bQuad(i: u32) -> vec4f {
#if B_QUADS
  return vec4f(b[i / 4u]);
#else
  return vec4f(vec4<scalar>(b[i], b[i + 1u], b[i + 2u], b[i + 3u]));
#endif
}

fn bElement(i: u32) -> f32 {
#if B_QUADS
  return f32(b[i / 4u][i % 4u]);
#else
  return f32(b[i]);
#endif
}

fn aIndex(m: u32, k: u32) -> u32 {
#if TRANSPOSE_A
  return k * params.aStride + m;
#else
  return m * params.aStride + k;
#endif
}

fn bIndex(k: u32, n: u32) -> u32 {
#if TRANSPOSE_B
  return n * params.bStride + k;
#else
  return k * params.bStride + n;
#endif
}

// Rows m, m + 1, ... of op(A), from column k on.
fn aBlock(start: u32, m: u32, k: u32) -> Rows {
  let i = start + aIndex(m, k);
#if ROWS_1
  return aQuad(i);
#elif TRANSPOSE_A
  let s = params.aStride;
  return transpose(mat4x4f(aQuad(i), aQuad(i + s), aQuad(i + 2u * s), aQuad(i + 3u * s)));
#else
  let s = params.aStride;
  return mat4x4f(aQuad(i), aQuad(i + s), aQuad(i + 2u * s), aQuad(i + 3u * s));
#endif
}

// Rows k, k + 1, ... of op(B), from column n on.
fn bBlock(start: u32, k: u32, n: u32) -> mat4x4f {
  let i = start + bIndex(k, n);
  let s = params.bStride;
#if TRANSPOSE_B
  return transpose(mat4x4f(bQuad(i), bQuad(i + s), bQuad(i + 2u * s), bQuad(i + 3u * s)));
#else
  return mat4x4f(bQuad(i), bQuad(i + s), bQuad(i + 2u * s), bQuad(i + 3u * s));
#endif
}

#if TAIL
// For the last columns of op(A) where K is not a multiple of 4, one at a time.
fn aColumn(start: u32, m: u32, k: u32) -> Column {
  let i = start + aIndex(m, k);
#if ROWS_1
  return aElement(i);
#else
  let s = aIndex(1u, 0u);
  return vec4f(aElement(i), aElement(i + s), aElement(i + 2u * s), aElement(i + 3u * s));
#endif
}

fn bRow(start: u32, k: u32, n: u32) -> vec4f {
  let i = start + bIndex(k, n);
  let s = bIndex(0u, 1u);
  return vec4f(bElement(i), bElement(i + s), bElement(i + 2u * s), bElement(i + 3u * s));
}

fn outer(row: vec4f, column: Column) -> Rows {
#if ROWS_1
  return row * column;
#else
  return mat4x4f(row * column.x, row * column.y, row * column.z, row * column.w);
#endif
}
#endif

// Columns n to n + 7 of row m of C.
fn store(start: u32, m: u32, n: u32, low: vec4f, high: vec4f, biased: bool) {
  if (m >= params.m) {
    return;
  }
  for (var j = 0u; j < COLS; j++) {
    if (n + j < params.n) {
      var value = select(high[j % 4u], low[j % 4u], j < 4u);
#if BIAS
      value += select(0.0, f32(bias[n + j]), biased);
#endif
      let at = start + m * params.cStride + n + j;
#if ADD
      value += f32(c[at]);
#endif
      c[at] = C(value);
    }
  }
}

@compute @workgroup_size(WORKGROUP)
fn matmul(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let bands = (params.m + ROWS * BAND - 1u) / (ROWS * BAND);
  let bandThreads = (params.n + COLS - 1u) / COLS * BAND;
  let thread = threadIndex(id, groups);
  let product = thread / (bands * bandThreads);
  let band = thread % (bands * bandThreads) / bandThreads;
  let inBand = thread % bandThreads;
  let m = (band * BAND + inBand % BAND) * ROWS;
  let n = inBand / BAND * COLS;
  let split = product / params.batch;
  let item = product % params.batch;
  if (split >= params.splits || m >= params.m) {
    return;
  }
  let aStart = params.aStart + item / params.inner * params.aOuter + item % params.inner * params.aInner;
  let bStart = params.bStart + item / params.inner * params.bOuter + item % params.inner * params.bInner;
  let cStart = params.cStart + product * params.m * params.cStride;

  var c00 = Rows();
  var c01 = Rows();
#if ROWS_8
  var c10 = Rows();
  var c11 = Rows();
#endif
  var k = split * params.span;
  let end = min(k + params.span, params.k);
  for (; k + 4u <= end; k += 4u) {
    let a0 = aBlock(aStart, m, k);
    let b0 = bBlock(bStart, k, n);
    let b1 = bBlock(bStart, k, n + 4u);
    c00 += b0 * a0;
    c01 += b1 * a0;
#if ROWS_8
    let a1 = aBlock(aStart, m + 4u, k);
    c10 += b0 * a1;
    c11 += b1 * a1;
#endif
  }
#if TAIL
  for (; k < end; k++) {
    let a0 = aColumn(aStart, m, k);
    let b0 = bRow(bStart, k, n);
    let b1 = bRow(bStart, k, n + 4u);
    c00 += outer(b0, a0);
    c01 += outer(b1, a0);
#if ROWS_8
    let a1 = aColumn(aStart, m + 4u, k);
    c10 += outer(b0, a1);
    c11 += outer(b1, a1);
#endif
  }
#endif

  let biased = split == 0u;
#if ROWS_1
  store(cStart, m, n, c00, c01, biased);
#else
  store(cStart, m, n, c00[0], c01[0], biased);
  store(cStart, m + 1u, n, c00[1], c01[1], biased);
  store(cStart, m + 2u, n, c00[2], c01[2], biased);
  store(cStart, m + 3u, n, c00[3], c01[3], biased);
#endif
#if ROWS_8
  store(cStart, m + 4u, n, c10[0], c11[0], biased);
  store(cStart, m + 5u, n, c10[1], c11[1], biased);
  store(cStart, m + 6u, n, c10[2], c11[2], biased);
  store(cStart, m + 7u, n, c10[3], c11[3], biased);
#endif
}
