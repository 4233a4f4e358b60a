import { ShadegradError } from 'shadegrad';

/** Characters that a message and its list may have together; a longer list is for --debug. */
const LONGEST = 240;

/** What to print for an error, in two lines at most: our own messages name the fix and need no stack. */
export function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ShadegradError) return `error: ${condense(message)}`;
  return `error: ${message.replace(/\s+/g, ' ')}\nThis is a defect of shadegrad, or of a file it reads: run again with --debug for the details.`;
}

/** A message of many lines, `problem`, an indented list and `fix`, as problem and fix. */
function condense(message: string): string {
  const [problem, ...rest] = message.split('\n') as [string, ...string[]];
  const fix = /^\S/.test(rest.at(-1) ?? '') ? [rest.pop()!] : [];
  const list = rest.map((line) => line.trim().replace(/^- /, '')).join('; ');
  const whole = list ? `${problem} ${list}` : problem;
  // Without its list the problem loses the words that announce it: `... found none. Tried:`.
  const first = whole.length <= LONGEST ? whole : problem.replace(/\s[^.]*:$/, '');
  return [first, ...fix].join('\n');
}
