/** Columns below each other, the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Three digits, as many as a measurement is worth; nothing for what was not measured. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '' : `${(100 * share).toFixed(1)}%`;
}

/**
 * A page with another text between `<!-- mark:start -->` and `<!-- mark:end -->`.
 * @throws Error unless both are there once, in their order.
 */
export function withBlock(page: string, block: string, mark: string): string {
  const [start, end] = [`<!-- ${mark}:start -->`, `<!-- ${mark}:end -->`];
  const [before, rest, ...more] = page.split(start);
  const [old, after, ...evenMore] = (rest ?? '').split(end);
  if (old === undefined || after === undefined || more.length + evenMore.length > 0) {
    throw new Error(`README.md: expected ${start} and then ${end}, once each`);
  }
  return `${before}${start}\n\n${block}\n\n${end}${after}`;
}
