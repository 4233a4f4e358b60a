/** The types of the code in Markdown pages, as the compiler sees them. */
import path from 'node:path';
import ts from 'typescript';
import { ROOT } from './builtPackage.js';
import { codeOf } from './tutorialProgram.js';

/**
 * Checks the blocks of pages, one program each, with the options of tsconfig.json, where 'shadegrad' is
 * the sources.
 *
 * @param pages  Text by path, below the root of the repository.
 * @returns What the compiler says, as `docs/tutorials/data.md:12: ...`.
 */
export function typeErrors(pages: Readonly<Record<string, string>>): string[] {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (file) =>
    ts.sys.readFile(file),
  ) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const programs = new Map(
    // `export {}`: each is a module, with names of its own.
    Object.entries(pages).map(([file, text]) => [
      path.join(ROOT, `${file}.ts`),
      `${codeOf(text, ['ts', 'js'])}\nexport {};\n`,
    ]),
  );
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.fileExists = (file) => programs.has(file) || fileExists(file);
  host.readFile = (file) => programs.get(file) ?? readFile(file);

  const wgsl = path.join(ROOT, 'src/wgsl.d.ts');
  const program = ts.createProgram([...programs.keys(), wgsl], options, host);
  return [...programs.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)!;
    const page = path.relative(ROOT, file).slice(0, -'.ts'.length);
    return [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ].map(({ start, messageText }) => {
      const { line } = source.getLineAndCharacterOfPosition(start ?? 0);
      return `${page}:${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
}
