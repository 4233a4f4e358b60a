// rows: shares rows among threads, one thread for each row or, by the flag WIDE, one workgroup, of
// which each "lane" takes the elements lane, lane + LANES, ... Results are added over the lanes in
// a fixed order. src/autograd/kernels/rows.ts decides which. Needs threads.wgsl and these builtins:
//   @builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
//   @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32

#if WIDE
override LANES: u32 = WORKGROUP; // a power of two

var<workgroup> lanes: array<f32, WORKGROUP>;

fn rowOf(id: vec3u, groups: vec3u, group: vec3u) -> u32 {
  return group.x + group.y * groups.x; // as the compiler can see, the same for all lanes
}

fn laneOf(index: u32) -> u32 {
  return index;
}

#if SUBGROUPS
// A subgroup, of whatever size, adds its lanes and leaves the sum with one of them; then every
// subgroup adds these sums over the workgroup. Which lanes make up a subgroup is not assumed.
fn sumOfLanes(value: f32, lane: u32) -> f32 {
  let sum = subgroupAdd(value);
  workgroupBarrier(); // all have read the lanes of the call before
  lanes[lane] = select(0.0, sum, subgroupElect());
  workgroupBarrier();
  let step = subgroupAdd(1u);
  var total = 0.0;
  for (var i = subgroupExclusiveAdd(1u); i < LANES; i += step) {
    total += lanes[i];
  }
  return subgroupAdd(total);
}

fn maxOfLanes(value: f32, lane: u32) -> f32 {
  let highest = subgroupMax(value);
  workgroupBarrier();
  lanes[lane] = highest;
  workgroupBarrier();
  let step = subgroupAdd(1u);
  var total = highest;
  for (var i = subgroupExclusiveAdd(1u); i < LANES; i += step) {
    total = max(total, lanes[i]);
  }
  return subgroupMax(total);
}
#else
fn sumOfLanes(value: f32, lane: u32) -> f32 {
  workgroupBarrier(); // all have read the result before
  lanes[lane] = value;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      lanes[lane] += lanes[lane + half];
    }
  }
  workgroupBarrier();
  return lanes[0];
}

fn maxOfLanes(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  lanes[lane] = value;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      lanes[lane] = max(lanes[lane], lanes[lane + half]);
    }
  }
  workgroupBarrier();
  return lanes[0];
}
#endif
#else
const LANES = 1u;

fn rowOf(id: vec3u, groups: vec3u, group: vec3u) -> u32 {
  return threadIndex(id, groups);
}

fn laneOf(index: u32) -> u32 {
  return 0u;
}

fn sumOfLanes(value: f32, lane: u32) -> f32 {
  return value;
}

fn maxOfLanes(value: f32, lane: u32) -> f32 {
  return value;
}
#endif
