/**
 * A page of docs/tutorials as a program. Its blocks of TypeScript stand on the lines that they have in
 * the page; what it says that it prints is checked:
 *
 *   console.log(x.shape); // [2, 3]            each time, this statement prints exactly this line
 *
 *   for (const layer of model) console.log(layer);
 *   // Prints:
 *   // Linear                                  all that the statement before prints, these lines
 *   // ...                                     "..." stands for anything, within a line or of lines
 */
import ts from 'typescript';

/** `if` before a block headed "ts node", of which the rest is a scope of its own. */
const IN_NODE = 'if (globalThis.process?.versions?.node) {';

/** The blocks of a Markdown page in some languages, everything else blank, line by line. */
export function codeOf(page: string, languages: readonly string[] = ['ts']): string {
  let fence: { isCode: boolean; inNode: boolean } | undefined;
  return page
    .split('\n')
    .map((line) => {
      const [, language, mark] = /^```(\w*)(?: (\w+))?$/.exec(line) ?? [];
      if (language === undefined) return fence?.isCode ? line : '';
      if (fence) {
        const { inNode } = fence;
        fence = undefined;
        return inNode ? '}' : '';
      }
      const isCode = languages.includes(language);
      fence = { isCode, inNode: isCode && mark === 'node' };
      return fence.inNode ? IN_NODE : '';
    })
    .join('\n');
}

/**
 * The program of a page, with a call of `$printout.check` after each statement whose output the page
 * states. The line numbers of those that must run are its export `expected`.
 *
 * @throws Error for a comment that looks like output and belongs to no statement.
 */
export function programOf(page: string): string {
  const code = codeOf(page);
  const source = ts.createSourceFile('page.ts', code, ts.ScriptTarget.ES2022, true);
  const lineOf = (position: number): number =>
    source.getLineAndCharacterOfPosition(position).line + 1;
  const found: { statement: ts.Statement; line: number; output: string; inNode: boolean }[] = [];
  const unchecked: number[] = [];
  const headings = new Set([...code.matchAll(/\/\/ Prints:/g)].map(({ index }) => index));

  const visit = (node: ts.Node, inNode: boolean): void => {
    if (ts.isStatement(node) && !ts.isBlock(node)) {
      const { comment, heading } = commentAfter(node, code);
      const isNew = heading === undefined || headings.delete(heading);
      if (comment !== undefined && isNew) {
        found.push({ statement: node, line: lineOf(node.end), output: comment, inNode });
      } else if (isPrint(node) && /^[^\n]*\/\/ /.test(code.slice(node.end)) && !comment) {
        unchecked.push(lineOf(node.end));
      }
    } else if (isCallOfLog(node) && !ts.isExpressionStatement(node.parent)) {
      if (/^[^'"`\n]*\/\/ /.test(code.slice(node.end))) unchecked.push(lineOf(node.end));
    }
    const isNodeBlock = ts.isIfStatement(node) && node.getText(source).startsWith(IN_NODE);
    ts.forEachChild(node, (child) => visit(child, inNode || isNodeBlock));
  };
  visit(source, false);
  unchecked.push(...[...headings].map(lineOf));
  for (const { line, output } of found) if (/^[\s.]*$/.test(output)) unchecked.push(line);
  if (unchecked.length > 0) {
    throw new Error(
      `line ${unchecked.join(', ')}: a comment of output that belongs to no statement`,
    );
  }

  const insertions = found.flatMap(({ statement, line, output }) => {
    // A declaration holds for what follows; the only statement of a loop needs a block.
    const isAlone = !ts.isSourceFile(statement.parent) && !ts.isBlock(statement.parent);
    const [open, close] = isAlone ? ['{ ', ' }'] : ['', ''];
    const before = `${open}const $since${line} = $printout.lines.length; `;
    const after = ` $printout.check(${line}, $since${line}, ${JSON.stringify(output)});${close}`;
    return [
      { at: statement.getStart(source), text: before },
      { at: statement.end, text: after },
    ];
  });
  // The last first, so that the places of the others stay.
  const checked = insertions
    .sort((a, b) => b.at - a.at)
    .reduce((text, { at, text: added }) => text.slice(0, at) + added + text.slice(at), code);
  const lines = (isWanted: boolean): string =>
    JSON.stringify(found.filter(({ inNode }) => inNode === isWanted).map(({ line }) => line));
  return `${checked}
export const expected = [...${lines(false)}, ...(globalThis.process?.versions?.node ? ${lines(true)} : [])];`;
}

/** What a comment behind a statement says that it prints, and where the heading of one below is. */
function commentAfter(
  statement: ts.Statement,
  code: string,
): { comment?: string; heading?: number } {
  const after = code.slice(statement.end);
  if (isPrint(statement)) {
    const [, comment] = /^ \/\/ (.*)/.exec(after) ?? [];
    if (comment !== undefined) return { comment };
  }
  const below = /^(\n *)\/\/ Prints:\n((?: *\/\/.*\n)+)/.exec(after);
  if (!below) return {};
  const comment = below[2]!
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^ *\/\/ ?/, ''))
    .join('\n');
  return { comment, heading: statement.end + below[1]!.length };
}

const isPrint = (node: ts.Node): boolean =>
  ts.isExpressionStatement(node) && isCallOfLog(node.expression);

const isCallOfLog = (node: ts.Node): boolean =>
  ts.isCallExpression(node) && node.expression.getText() === 'console.log';
