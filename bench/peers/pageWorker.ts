/** A worker in a page, which takes its commands from the process that drives the browser. */
import { Worker, type Command, type Reply } from './worker.js';

declare global {
  interface Window {
    handle: (command: Command) => Promise<Reply>;
  }
}

const worker = new Worker({});
window.handle = (command) => worker.handle(command);
