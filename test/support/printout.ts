/** What a page of docs/tutorials prints, beside what its comments say that it prints. */
export class Printout {
  /** The lines printed so far. */
  lines: string[] = [];
  /** Lines of the page whose output was checked. */
  checked = new Set<number>();
  /** A message for each output that was another one. */
  wrong: string[] = [];

  clear(): void {
    this.lines = [];
    this.checked.clear();
    this.wrong = [];
  }

  /** In place of `console.log`, which shows arrays in other ways in other places. */
  print(...values: unknown[]): void {
    const text = values.map((value) => (typeof value === 'string' ? value : show(value))).join(' ');
    this.lines.push(...text.split('\n').map((line) => line.trimEnd()));
  }

  /**
   * Compares what was printed since with what is expected, where "..." is anything.
   *
   * @param line   Where the page says so.
   * @param since  The count of lines before.
   */
  check(line: number, since: number, expected: string): void {
    this.checked.add(line);
    const got = this.lines.slice(since).join('\n');
    const parts = expected.split('...').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    if (!new RegExp(`^${parts.join('[^]*')}$`).test(got))
      this.wrong.push(`line ${line}: expected "${expected}", got "${got}"`);
  }
}

/** A value as it is written in JavaScript. */
function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Object.getPrototypeOf(value) !== Object.prototype)
    return `[object ${value.constructor.name}]`; // which no page should show
  const entries = Object.entries(value).map(([key, entry]) => `${key}: ${show(entry)}`);
  return `{ ${entries.join(', ')} }`;
}

/** That of the page that runs. */
export const printout = new Printout();
