/** A server on this machine that breaks connections, for downloads. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { largeFile, smallFile } from './files.js';

type Route = (response: ServerResponse, request: IncomingMessage) => void;

export interface FileServer {
  /** Its address, without a slash at the end. */
  base: string;
  /** What was asked for. */
  asked: string[];
  /** The ranges of it, of large files. */
  ranges: (string | undefined)[];
  close: () => void;
}

/**
 * Starts the server.
 *
 * @param headers  Of every answer; a page of another origin may read none without them.
 */
export async function startFileServer(headers: Record<string, string> = {}): Promise<FileServer> {
  const asked: string[] = [];
  const ranges: (string | undefined)[] = [];
  const small = smallFile();
  const large = largeFile();
  const other = large.map((one) => one ^ 1);

  /** Answers a request for a range, or for all; `most` bytes of it, and then the connection breaks. */
  const sendRange = (
    response: ServerResponse,
    request: IncomingMessage,
    most = Infinity,
    body = large,
  ): void => {
    const { range } = request.headers;
    ranges.push(range);
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (from >= body.length) {
      response.writeHead(416).end();
      return;
    }
    response.writeHead(range ? 206 : 200, {
      'accept-ranges': 'bytes',
      'content-length': body.length - from,
      ...(range && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
    });
    const part = body.subarray(from, Math.min(from + most, body.length));
    if (from + part.length === body.length) response.end(part);
    else response.write(part, () => setTimeout(() => response.destroy(), 50));
  };

  const routes: Record<string, Route> = {
    '/good': (response) => response.end(small),
    '/good.gz': (response) => response.end(gzipSync(small)),
    '/encoded': (response) => {
      const body = gzipSync(small);
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length });
      response.end(body);
    },
    '/broken.gz': (response) => response.end(gzipSync(small).subarray(0, 1000)),
    '/other': (response) => response.end('other content'),
    '/cut': (response) => {
      response.writeHead(200, { 'content-length': small.length });
      response.write(small.subarray(0, 1000), () => response.destroy());
    },
    '/cut-unnoticed': (response) => response.end(small.subarray(0, 1000)),
    '/silent': (response) => {
      response.writeHead(200);
      response.write(small.subarray(0, 10));
    },
    '/deaf': () => undefined,
    '/whole': sendRange,
    '/breaks': (response, request) =>
      sendRange(response, request, request.headers.range ? Infinity : large.length / 2),
    '/breaks?always': (response, request) =>
      sendRange(response, request, request.headers.range ? 0 : large.length / 2),
    '/breaks?then-other': (response, request) => {
      const { url, headers } = request;
      if (headers.range) {
        sendRange(response, request, Infinity, other);
        return;
      }
      const isFirst = asked.filter((one) => one === url).length === 1;
      sendRange(response, request, isFirst ? large.length / 2 : Infinity);
    },
    '/slow': (response) => void setTimeout(() => response.end(small), 100),
  };
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (request.method === 'OPTIONS') {
      response.writeHead(403).end(); // a request that wants to be allowed first is not
      return;
    }
    asked.push(request.url!);
    const route = routes[request.url!];
    if (route) route(response, request);
    else response.writeHead(404).end('nothing here');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    ranges,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
