/**
 * Lines of columns below each other.
 * @param left  How many columns are aligned to the left; the others are to the right. Default 1.
 */
export function alignColumns(rows: readonly (readonly string[])[], left = 1): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
