"""LeNet with tanh on MNIST: Adam, batch 512, 2 epochs, 20% validation."""

from common import options
from with_keras import keras, run

layers = keras.layers


def lenet_tanh():
    return keras.Sequential([
        layers.Input((1, 28, 28)),
        layers.Conv2D(6, 5, padding="same", activation="tanh"),
        layers.MaxPooling2D(2, 2, padding="same"),
        layers.Conv2D(16, 5, padding="same", activation="tanh"),
        layers.MaxPooling2D(2, 1, padding="same"),
        layers.Flatten(),
        layers.Dense(120, activation="tanh"),
        layers.Dropout(0.2),
        layers.Dense(84, activation="tanh"),
        layers.Dense(10, activation="softmax"),
    ])


run(lenet_tanh, options(epochs=2, images=60_000, batch_size=512), "mnist", validation_split=0.2)
