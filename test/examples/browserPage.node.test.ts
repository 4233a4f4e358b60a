/** Pages that train and compute, opened in Chromium as a visitor opens them. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium, type Browser, type Page } from 'playwright';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumLaunchOptions } from '../setup/chromium.js';
import { Project, ROOT } from '../support/builtPackage.js';
import { codeBlock } from '../support/pages.js';
import { testAll } from '../support/extent.js';

/** For `expect.poll`, on a machine that is busy. */
const PATIENT = { timeout: 90_000 };

let project: Project;
let browser: Browser;
beforeAll(async () => {
  project = new Project();
  browser = await chromium.launch(await chromiumLaunchOptions());
});
afterAll(async () => {
  await browser.close();
  project.remove();
});

/** Opens a page; whatever goes wrong in it is noted in `errors`. */
async function open(url: string): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}

describe('examples/browser/index.html with examples/browser/main.js', () => {
  let server: ViteDevServer;
  beforeAll(async () => {
    server = await createServer({
      configFile: path.join(ROOT, 'examples/browser/vite.config.js'),
      // The package as the sources are now, not as it was built last.
      resolve: { alias: { shadegrad: project.path('node_modules/shadegrad/dist/index.js') } },
      cacheDir: project.path('vite'),
      logLevel: 'error',
      server: { port: 0, host: '127.0.0.1', fs: { allow: [ROOT, project.folder] }, watch: null },
    });
    await server.listen();
  });
  afterAll(async () => {
    await server.close();
  });

  testAll('trains LeNet-5 and shows curves and predictions', async () => {
    const { port } = server.httpServer!.address() as AddressInfo;
    const { page, errors } = await open(`http://127.0.0.1:${port}/?images=2048`);
    await expect.poll(() => page.textContent('#status'), PATIENT).toMatch(/^test accuracy /);

    const [, accuracy] = /^test accuracy (\d+\.\d\d)%$/.exec((await page.textContent('#status'))!)!;
    expect(Number(accuracy), 'learns, if little').toBeGreaterThan(25);
    expect(await page.textContent('#adapter')).toMatch(/\S+ \((software|hardware)\)$/);
    expect(await page.evaluate("document.getElementById('progress').position")).toBe(1);
    expect(await page.locator('#curves > svg').count()).toBe(2);
    const chart = page.locator('#curves > svg').first();
    for (const word of ['Loss', 'training', 'validation']) {
      expect(await chart.textContent()).toContain(word);
    }
    expect(await page.locator('#predictions svg image').count()).toBe(20);
    const texts = await page.locator('#predictions > svg').allTextContents();
    for (const text of texts) expect(text).toMatch(/pred \d\s*\d+\.\d %\s*true \d/);
    expect(texts[0]).toContain('true 7'); // the first test image of MNIST
    expect(errors).toEqual([]);

    for (const width of [1280, 375]) {
      await page.setViewportSize({ width, height: 800 });
      const scrolled = await page.evaluate('document.documentElement.scrollWidth');
      expect(scrolled, 'nothing sticks out to the right').toBe(width);
    }
    await page.close();
  });

  test('says in the page what went wrong', async () => {
    const { port } = server.httpServer!.address() as AddressInfo;
    const page = await browser.newPage();
    await page.route('**/t10k-labels-idx1-ubyte*', (route) => route.fulfill({ status: 404 }));
    await page.goto(`http://127.0.0.1:${port}/`);
    await expect
      .poll(() => page.textContent('#status'), PATIENT)
      .toMatch(/no t10k-labels-idx1-ubyte/);
    await page.close();
  });
});

test("README's page without a bundler", async () => {
  const block = codeBlock('html');
  const server = http.createServer((request, response) => {
    if (request.url === '/') {
      response.setHeader('content-type', 'text/html').end(`<!doctype html>\n${block}`);
    } else if (request.url === '/dist/index.js') {
      const file = project.path('node_modules/shadegrad/dist/index.js');
      response.setHeader('content-type', 'text/javascript').end(fs.readFileSync(file));
    } else {
      response.statusCode = request.url === '/favicon.ico' ? 204 : 404;
      response.end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const { page, errors } = await open(`http://127.0.0.1:${port}/`);
    await expect.poll(() => page.textContent('body'), PATIENT).toContain('2,4,6');
    expect(errors).toEqual([]);
    await page.close();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
