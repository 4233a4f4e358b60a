/** What was measured on, and with. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import os from 'node:os';
import type { Device } from 'shadegrad';

export interface Environment {
  adapter: {
    description: string;
    vendor: string;
    architecture: string;
    software: boolean;
    features: string[];
  };
  /** As the adapter describes its driver. */
  driver: string;
  versions: { shadegrad: string; node: string; webgpu: string };
  cpu: string;
  /** With `+` where files were changed since. */
  commit: string;
  date: string;
}

export function environmentOf({ info }: Device): Environment {
  const require = createRequire(`${process.cwd()}/package.json`);
  const versionOf = (name: string): string => (require(name) as { version: string }).version;
  const [cpu] = os.cpus();
  const { description, vendor, architecture, software, features } = info;
  return {
    adapter: { description: adapterName(info), vendor, architecture, software, features },
    driver: /driver.*|Mesa.*|\d+(\.\d+)+.*/i.exec(description)?.[0] ?? description,
    versions: {
      shadegrad: versionOf('./package.json'),
      node: process.versions.node,
      webgpu: versionOf('webgpu/package.json'),
    },
    cpu: `${os.cpus().length} x ${cpu?.model ?? 'unknown'}`,
    commit: commit(),
    date: new Date().toISOString(),
  };
}

/** What tables call an adapter, some of which have no description. */
export function adapterName({
  description,
  architecture,
  vendor,
}: Pick<Device['info'], 'description' | 'architecture' | 'vendor'>): string {
  return description || `${vendor} ${architecture}`.trim() || 'unknown adapter';
}

function commit(): string {
  const git = (...args: string[]): string =>
    spawnSync('git', args, { encoding: 'utf8' }).stdout?.trim() ?? '';
  const id = git('rev-parse', '--short', 'HEAD');
  if (!id) return 'unknown';
  return git('status', '--porcelain', '--', 'src', 'shaders') ? `${id}+` : id;
}

/** `swiftshader-driver-5-0-0-2026-11-22.json` */
export function resultsName(environment: Environment): string {
  return `${adapterSlug(environment)}-${environment.date.slice(0, 10)}.json`;
}

/** The name of the adapter as part of a file's name: `swiftshader-driver-5-0-0`. */
export function adapterSlug({ adapter }: Pick<Environment, 'adapter'>): string {
  const slug = adapterName(adapter)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  return slug.replace(/^-+|-+$/g, '').slice(0, 60) || 'unknown';
}
