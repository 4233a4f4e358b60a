import { ShadegradError } from 'shadegrad';

/** What to print for an error, in two lines at most: our own messages, which name the fix, need no stack. */
export function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = `error: ${message
    .split('\n')
    .map((part) => part.trim())
    .join(' ')}`;
  if (error instanceof ShadegradError) return line;
  return `${line}\nThis is a defect of shadegrad, or of a file it reads: run again with --debug for the details.`;
}
