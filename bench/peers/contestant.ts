/** A peer with the worker that it has, if any. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Host } from './hosts.js';
import type { Peer } from './peers.js';
import type { OpenOptions, RunnerInfo } from './runners/runner.js';

/** A fresh process, its driver and its device. */
export const OPEN_LIMIT_MS = 30_000;

/** Where the peers' packages are, and, as their workers see it, the files of TensorFlow.js' WASM backend. */
export interface Folders {
  packages: string;
  wasm: string;
}

/** A peer of this run, and its worker while it has one. */
export class Contestant {
  info: RunnerInfo | undefined;
  private host: Host | undefined;

  constructor(
    readonly peer: Peer,
    private readonly makeHost: () => Promise<Host>,
    private readonly folders: Folders,
  ) {}

  /** The worker that is there, or a new one. */
  async worker(): Promise<Host> {
    if (this.host?.alive) return this.host;
    const host = await this.makeHost();
    this.host = host;
    const { peer } = this;
    try {
      const command = { do: 'open', runner: peer.runner, options: this.openOptions() } as const;
      this.info = await host.send(command, OPEN_LIMIT_MS);
    } catch (error) {
      await this.close();
      throw error;
    }
    return host;
  }

  /** Frees what a cell has made, by ending the worker if `broken` or if it does not come back. */
  async release(broken: boolean): Promise<void> {
    if (broken) await this.close();
    else if (this.host?.alive) {
      await this.host.send({ do: 'release' }, OPEN_LIMIT_MS).catch(() => this.close());
    }
  }

  async freshWorker(): Promise<Host> {
    await this.close();
    return this.worker();
  }

  async close(): Promise<void> {
    await this.host?.close();
    this.host = undefined;
  }

  private openOptions(): OpenOptions {
    const { backend, captured } = this.peer;
    return {
      backend,
      captured,
      version: versionOf(this.peer, this.folders.packages),
      wasmPath: this.folders.wasm,
    };
  }
}

function versionOf(peer: Peer, packages: string): string | undefined {
  if (!peer.package) return undefined;
  const manifest = path.join(packages, peer.package, 'package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
