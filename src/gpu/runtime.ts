/** Whether this is Node (or a runtime that says so), where there is a file system. */
export function isNode(): boolean {
  return typeof process !== 'undefined' && Boolean(process.versions?.node);
}
