import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './builtPackage.js';

/** The code blocks of a Markdown file of this repository that are in `language`. */
export function codeBlocks(language: string, file = 'README.md'): string[] {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8');
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return blocks.filter(([, tag]) => tag === language).map(([, , code]) => code!);
}

/** The only code block in `language`. */
export function codeBlock(language: string, file?: string): string {
  const blocks = codeBlocks(language, file);
  if (blocks.length !== 1)
    throw new Error(`expected one block of ${language}, got ${blocks.length}`);
  return blocks[0]!;
}
