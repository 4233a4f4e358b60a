import fs from 'node:fs';
import path from 'node:path';
import { ArgumentError, io, ResourceError } from 'shadegrad';
import { makeOutFolder } from './outFolder.js';
import type { TrainSettings } from './trainSettings.js';

/** The files that a training leaves in its folder. */
export interface RunFiles {
  folder: string;
  /** The settings, as `--config` takes them. */
  config: string;
  /** What `--resume` goes on from. */
  checkpoint: string;
  log: string;
  model: string;
  report: string;
  /** Figures; written last, so that it is there for finished trainings alone. */
  history: string;
}

export function runFiles(folder: string): RunFiles {
  const at = (name: string): string => path.join(folder, name);
  return {
    folder,
    config: at('config.json'),
    checkpoint: at('checkpoint.safetensors'),
    log: at('log.csv'),
    model: at('model.safetensors'),
    report: at('report.html'),
    history: at('history.json'),
  };
}

/** Makes the folder of a training that goes on, if it has begun at all. */
export function openRunFolder(folder: string): RunFiles {
  makeOutFolder(folder, 'train', '--out');
  const files = runFiles(folder);
  removeLeftovers(files);
  return files;
}

/**
 * Makes the folder of a new training, without what an earlier one left.
 *
 * @param overwrite  Whether that may be an unfinished training.
 * @throws ArgumentError if it is one and may not be.
 */
export function makeRunFolder(folder: string, overwrite: boolean): RunFiles {
  const files = openRunFolder(folder);
  const isUnfinished = fs.existsSync(files.checkpoint) && !fs.existsSync(files.history);
  if (isUnfinished && !overwrite) {
    const fix = `Go on with it (shadegrad train --resume ${folder}), choose another --out, or --overwrite it.`;
    throw new ArgumentError('train', `no unfinished training in ${folder}`, 'one', fix);
  }
  return files;
}

/** Begins a training: from here on the folder has nothing of an earlier one. */
export async function writeSettings(files: RunFiles, settings: TrainSettings): Promise<void> {
  const { checkpoint, log, model, report, history } = files;
  for (const file of [checkpoint, log, model, report, history]) remove(file);
  const root = settings.root === undefined ? undefined : path.resolve(settings.root);
  const kept = { ...settings, root, out: undefined };
  await io.writeFileAtomic(files.config, `${JSON.stringify(kept, null, 2)}\n`);
}

function remove(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch (cause) {
    throw new ResourceError(
      `train: cannot replace ${file}: ${(cause as Error).message}. Choose another folder with --out.`,
      { cause },
    );
  }
}

/** Removes temporary files of a process that was killed as it wrote them. */
function removeLeftovers(files: RunFiles): void {
  const names = Object.values(files).map((file: string) => path.basename(file));
  for (const name of fs.readdirSync(files.folder)) {
    const [, file = '', process = ''] = /^\.(.+)\.(\d+)-[a-z0-9]+\.tmp$/.exec(name) ?? [];
    if (!names.includes(file) || isRunning(Number(process))) continue;
    fs.rmSync(path.join(files.folder, name), { force: true });
  }
}

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
