import type { nn } from 'shadegrad';
import { initialLr, type TrainSettings } from './trainSettings.js';

/** What the run was made with, for the report and the history. */
export function settingsTable(
  settings: TrainSettings,
  held: number,
  regularizers: readonly nn.Regularizer[],
): Record<string, string | number> {
  const { options, optimizer } = settings;
  const optional = {
    'weight decay': settings.weightDecay,
    penalty: regularizers.length > 0 ? regularizers.map(words).join(', ') : undefined,
    schedule: settings.schedule,
    augmentation: settings.augment,
    'early stopping': settings.earlyStopping,
    'minimal change': settings.earlyStopping === undefined ? undefined : settings.minDelta,
    monitor: settings.monitor === 'valLoss' ? undefined : settings.monitor,
    'gradient norm': settings.clipNorm,
    'mixed precision': settings.mixedPrecision ? 'yes' : undefined,
    'batches of an update': settings.accumulate > 1 ? settings.accumulate : undefined,
  };
  return {
    ...(options as Record<string, string>),
    data: settings.data,
    pixels: settings.normalize,
    optimizer,
    'learning rate': initialLr(settings),
    ...(optimizer === 'sgd' ? { momentum: settings.momentum } : {}),
    'batch size': settings.batchSize,
    epochs: settings.epochs,
    'validation images': held,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined),
    ) as Record<string, string | number>),
    seed: settings.seed,
  };
}

function words(regularizer: nn.Regularizer): string {
  return `${regularizer.constructor.name} ${regularizer.factor}`;
}
