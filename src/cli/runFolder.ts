import fs from 'node:fs';
import path from 'node:path';
import { ArgumentError, io, ResourceError } from 'shadegrad';
import { readJson } from './json.js';
import { makeOutFolder } from './outFolder.js';
import { shellCommand } from './shellCommand.js';
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

/**
 * Opens the folder of a training for as long as this process lives, and makes it where there is none.
 *
 * @param resume     Whether what is there goes on.
 * @param overwrite  Whether a new training may replace one that has not ended.
 * @returns its files, and whether there is a checkpoint to go on from.
 * @throws ArgumentError if another process trains there, an unfinished training would be replaced, or
 *   there are results and nothing to go on from.
 */
export function openRunFolder(
  folder: string,
  { resume, overwrite }: { resume: boolean; overwrite: boolean },
): { files: RunFiles; resumes: boolean } {
  makeOutFolder(folder, 'train', '--out');
  const files = runFiles(folder);
  lock(folder);
  removeLeftovers(files);
  const [checkpoint, config, model, history] = (
    ['checkpoint', 'config', 'model', 'history'] as const
  ).map((name) => fs.existsSync(files[name]));
  const another = 'Begin another training with another --out.';
  if (!resume && checkpoint && !history && !overwrite) {
    const fix = `Go on with it (${shellCommand('train', '--resume', folder)}), choose another --out, or --overwrite it.`;
    throw new ArgumentError('train', `no unfinished training in ${folder}`, 'one', fix);
  }
  if (resume && checkpoint && !config) {
    throw new ArgumentError(
      'train --resume',
      `${files.config} beside the checkpoint`,
      'none',
      another,
    );
  }
  if (resume && !checkpoint && (model || history)) {
    const expected = `${files.checkpoint} to go on from`;
    throw new ArgumentError('train --resume', expected, 'results alone', another);
  }
  return { files, resumes: resume && checkpoint! };
}

/** Begins a training: from here on the folder has no result of an earlier one. */
export async function beginRun(files: RunFiles, settings: TrainSettings): Promise<void> {
  const { checkpoint, log, model, report, history } = files;
  for (const file of [checkpoint, log, model, report, history]) remove(file);
  await writeSettings(files, settings);
}

/** Goes on with a training: it is not finished any more, and may have more epochs. */
export async function continueRun(files: RunFiles, settings: TrainSettings): Promise<void> {
  remove(files.history);
  await writeSettings(files, settings);
}

async function writeSettings(files: RunFiles, settings: TrainSettings): Promise<void> {
  const root = settings.root === undefined ? undefined : path.resolve(settings.root);
  const kept = { ...settings, root, out: undefined };
  await io.writeFileAtomic(files.config, `${JSON.stringify(kept, null, 2)}\n`);
}

/** Where the images of a training were, if its folder says so. */
export async function rootOfTraining({ config }: RunFiles): Promise<string | undefined> {
  if (!fs.existsSync(config)) return undefined;
  const { root } = await readJson(config);
  return typeof root === 'string' ? root : undefined;
}

/** Keeps other processes out of a folder until this one ends. */
function lock(folder: string): void {
  const file = path.join(folder, '.lock');
  const own = String(process.pid);
  try {
    fs.writeFileSync(file, own, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const owner = Number(fs.readFileSync(file, 'utf8'));
    if (isRunning(owner)) {
      const fix = `Wait for it, or choose another --out; if it is something else, remove ${file}.`;
      throw new ArgumentError(
        'train',
        `no training under way in ${folder}`,
        `process ${owner}`,
        fix,
      );
    }
    fs.writeFileSync(file, own); // it was killed
  }
  process.once('exit', () => fs.rmSync(file, { force: true }));
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
    const [, file = '', writer = ''] = /^\.(.+)\.(\d+)-[a-z0-9]+\.tmp$/.exec(name) ?? [];
    if (!names.includes(file) || isRunning(Number(writer))) continue;
    fs.rmSync(path.join(files.folder, name), { force: true });
  }
}

/** Whether there is such a process beside this one: in a container each may have the same number. */
function isRunning(id: number): boolean {
  if (!(id > 0) || id === process.pid) return false;
  try {
    return process.kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
