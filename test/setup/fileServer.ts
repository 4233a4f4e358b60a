import type { TestProject } from 'vitest/node';
import { startFileServer } from '../support/fileServer.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server of another origin than the page, which lets it read no header of its own choice. */
    fileServer: string;
  }
}

/** Runs the server for pages, which cannot run one. */
export default async function setup(project: TestProject): Promise<() => void> {
  const { base, close } = await startFileServer({ 'access-control-allow-origin': '*' });
  project.provide('fileServer', base);
  return close;
}
