/** Workers in pages: a browser for each, so that one that is late can be ended. */
import { createReadStream, existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium, type Browser, type Page } from 'playwright';
import { chromiumLaunchOptions } from '../../test/setup/chromium.js';
import { within, type Host } from './hosts.js';
import type { Command, ReplyTo } from './worker.js';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

export interface Browsers {
  /** The browser's name and version. */
  version: string;
  open: () => Promise<Host>;
  close: () => Promise<void>;
}

/** Serves the page that was built, and opens a browser with it for each worker. */
export async function openBrowsers(peersRoot: string, pageRoot: string): Promise<Browsers> {
  const server = await serve({
    '/wasm/': path.join(peersRoot, 'node_modules/@tensorflow/tfjs-backend-wasm/dist'),
    '/': pageRoot,
  });
  const address = `http://localhost:${(server.address() as AddressInfo).port}/page.html`;
  const options = await chromiumLaunchOptions();
  const launch = (): Promise<Browser> => chromium.launch({ ...options, headless: true });
  const first = await launch();
  const version = `Chromium ${first.version()}`;
  await first.close();
  return {
    version,
    open: async () => {
      const browser = await launch();
      const page = await browser.newPage();
      await page.goto(address, { waitUntil: 'load' });
      return new PageHost(browser, page);
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

class PageHost implements Host {
  alive = true;

  constructor(
    private readonly browser: Browser,
    private readonly page: Page,
  ) {}

  send<C extends Command>(command: C, limitMs: number): Promise<ReplyTo<C>> {
    const answer = this.page.evaluate((c) => window.handle(c), command as Command);
    return within(answer, limitMs, () => void this.close()) as Promise<ReplyTo<C>>;
  }

  async close(): Promise<void> {
    if (!this.alive) return;
    this.alive = false;
    await this.browser.close();
  }
}

/** Files of some folders. Isolated, so that WASM may use threads and clocks are fine. */
function serve(folders: Record<string, string>): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost');
    const [prefix, folder] = Object.entries(folders).find(([at]) => pathname.startsWith(at))!;
    const file = path.join(folder, path.posix.normalize(`/${pathname.slice(prefix.length)}`));
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, 'localhost', () => resolve(server)));
}
