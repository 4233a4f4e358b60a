/** A call of this program, for a shell to read. */
export function shellCommand(...args: readonly string[]): string {
  return ['shadegrad', ...args.map(quote)].join(' ');
}

function quote(argument: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
