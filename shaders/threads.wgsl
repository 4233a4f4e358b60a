// threads: the index of a thread in a launch by `threads`, which src/gpu/launch.ts folds into two
// dimensions of workgroups where one cannot count them. Needs these two builtins:
//   @builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u

override WORKGROUP: u32 = 64u;

fn threadIndex(id: vec3u, groups: vec3u) -> u32 {
  return id.x + id.y * groups.x * WORKGROUP;
}

// All threads of the launch: the step of a loop in which each handles several elements.
fn threadCount(groups: vec3u) -> u32 {
  return groups.x * groups.y * WORKGROUP;
}
