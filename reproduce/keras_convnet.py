"""A small convolutional network on MNIST: Adam, batch 32, 2 epochs."""

from common import options
from with_keras import keras, run

layers = keras.layers


def convnet():
    return keras.Sequential([
        layers.Input((1, 28, 28)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])


run(convnet, options(epochs=2, images=60_000, batch_size=32), "mnist")
