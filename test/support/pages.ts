/** What Markdown files of this repository tell a reader to write and to type. */
import { expect } from 'vitest';
import type { QuickProject } from './commandLine.js';

const texts = import.meta.glob<string>(['../../*.md', '../../docs/**/*.md'], {
  import: 'default',
  eager: true,
});

/** The text of each Markdown file by its path below the root of the repository. */
export const PAGES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(texts).map(([file, text]) => [file.replace('../../', ''), text]),
);

/** The pages of docs/tutorials. */
export const TUTORIALS = Object.keys(PAGES).filter((file) => file.startsWith('docs/tutorials/'));

/** The code blocks of a Markdown file of this repository that are in `language`. */
export function codeBlocks(language: string, file = 'README.md'): string[] {
  const blocks = [...PAGES[file]!.matchAll(/^```([\w ]*)\n(.*?)^```$/gms)];
  return blocks.filter(([, tag]) => tag === language).map(([, , code]) => code!);
}

/** The lines that a file tells to type in a shell, without comments. */
export function commands(file: string): string[] {
  return codeBlocks('sh', file)
    .join('')
    .replaceAll('\\\n', '')
    .split('\n')
    .map((line) => line.replace(/ +#.*/, '').trim())
    .filter((line) => line !== '');
}

/**
 * Types lines that begin with `npx shadegrad` in a project, one after the other; each must succeed and
 * print something.
 */
export async function typeCommands(
  project: QuickProject,
  lines: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  for (const line of lines) {
    const [npx, name, ...args] = line.split(/ +/);
    expect([npx, name], line).toEqual(['npx', 'shadegrad']);
    const { code, stdout, stderr } = await project.begin(args, env).finished;
    expect(code, `${line}\n${stderr}`).toBe(0);
    expect(stdout, line).not.toBe('');
  }
}

/** The only code block in `language`. */
export function codeBlock(language: string, file?: string): string {
  const blocks = codeBlocks(language, file);
  if (blocks.length !== 1)
    throw new Error(`expected one block of ${language}, got ${blocks.length}`);
  return blocks[0]!;
}
