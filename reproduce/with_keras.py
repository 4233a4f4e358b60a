"""Trains a Keras model on PyTorch's CPU kernels, as all Keras programs here do."""

import os
import sys
import time

os.environ["KERAS_BACKEND"] = "torch"

import keras  # noqa: E402
import torch  # noqa: E402

from common import load, report  # noqa: E402

# As shadegrad lays images out: (N, C, H, W).
keras.config.set_image_data_format("channels_first")


def run(make, args, data, validation_split=0.0, stopping=None):
    """Trains `make()` with Adam and prints the result.

    validation_split: share of the images, the last ones, as in Keras' fit.
    stopping: the options of EarlyStopping.
    """
    torch.set_num_threads(args.threads)
    keras.utils.set_random_seed(args.seed)
    ((x, y), (x_test, y_test)), digest = load(data)
    x, y = x[: args.images], y[: args.images]
    x_test, y_test = x_test[: args.test_images], y_test[: args.test_images]
    model = make()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    print(f"{model.count_params():,} parameters", file=sys.stderr)
    clock = Clock()
    callbacks = [clock] + ([keras.callbacks.EarlyStopping(**stopping)] if stopping else [])
    fitted = model.fit(
        x, y, batch_size=args.batch_size, epochs=args.epochs, validation_split=validation_split,
        callbacks=callbacks, verbose=0,
    ).history
    names = {"loss": "loss", "accuracy": "accuracy", "val_loss": "valLoss", "val_accuracy": "valAccuracy"}
    history = [
        {"epoch": i + 1, **{ours: fitted[name][i] for name, ours in names.items() if name in fitted},
         "seconds": seconds}
        for i, seconds in enumerate(clock.seconds)
    ]
    figures = {"trainLoss": history[-1]["loss"], "trainAccuracy": history[-1]["accuracy"]}
    if args.test_images > 0:
        figures["testLoss"], figures["testAccuracy"] = model.evaluate(x_test, y_test, batch_size=256, verbose=0)
    report(f"Keras {keras.__version__}, PyTorch {torch.__version__}", args, history, figures, digest)


class Clock(keras.callbacks.Callback):
    """The wall time of each epoch, validation included."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)
        figures = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(f"epoch {epoch + 1}  {figures}  {self.seconds[-1]:.0f} s", file=sys.stderr)
