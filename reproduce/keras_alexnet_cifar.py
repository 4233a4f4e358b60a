"""AlexNet for CIFAR-10: Adam, batch 32, 10% validation, early stopping."""

from common import options
from with_keras import keras, run

layers = keras.layers


def convolution(filters, size):
    return [
        layers.Conv2D(
            filters, size, padding="same", activation="relu",
            kernel_regularizer=keras.regularizers.L2(0.0005),
        ),
        # Keras normalizes the last dimension unless it is told where channels are.
        layers.BatchNormalization(axis=1),
    ]


def alexnet():
    return keras.Sequential([
        layers.Input((3, 32, 32)),
        *convolution(64, 5), layers.MaxPooling2D(2),
        *convolution(192, 5), layers.MaxPooling2D(2),
        *convolution(384, 3), *convolution(256, 3),
        *convolution(256, 3), layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(1024, activation="relu"), layers.Dropout(0.5),
        layers.Dense(1024, activation="relu"), layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ])


args = options(epochs=100, images=50_000, batch_size=32)
whole = args.images == 50_000
run(
    alexnet, args, "cifar10", validation_split=0.1 if whole else 0.0,
    stopping={"patience": 10, "min_delta": 1e-4, "restore_best_weights": True} if whole else None,
)
