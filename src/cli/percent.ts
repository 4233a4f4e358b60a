/** A share from 0 to 1 in words: `98.43%`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}
