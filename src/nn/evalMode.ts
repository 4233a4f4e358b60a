/** Puts all of `modules` into eval mode. @returns what gives each the mode that it had. */
export function enterEvalMode(modules: readonly { training: boolean }[]): () => void {
  const modes = modules.map(({ training }) => training);
  for (const module of modules) module.training = false;
  return () => modules.forEach((module, i) => (module.training = modes[i]!));
}
