/** One way to break a kernel: a piece of its text that occurs once, and what stands there instead. */
export interface Mutation {
  /** The entry point that it breaks; null in a file of shared functions. */
  entry: string | null;
  find: string;
  replace: string;
  /** A feature without which no test runs what it breaks: tests are skipped then, and none goes red. */
  needs?: string;
}

/** test/mutations/<shader>.json */
export interface MutationFile {
  /** The test files that must go red, by path from the root. */
  tests: string[];
  mutations: Mutation[];
}

/** @throws Error unless `find` occurs exactly once. */
export function mutate(source: string, { find, replace }: Mutation): string {
  const pieces = source.split(find);
  if (pieces.length !== 2) {
    throw new Error(`expected ${JSON.stringify(find)} once, found it ${pieces.length - 1} times`);
  }
  return pieces.join(replace);
}
