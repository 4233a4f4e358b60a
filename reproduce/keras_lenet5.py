"""LeNet-5 with sigmoid on MNIST: Adam, batch 32, 20% validation, early stopping."""

from common import options
from with_keras import keras, run

layers = keras.layers


def lenet5():
    return keras.Sequential([
        layers.Input((1, 28, 28)),
        layers.Conv2D(6, 5, padding="same", activation="sigmoid"),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="sigmoid"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="sigmoid"),
        layers.Dense(84, activation="sigmoid"),
        layers.Dense(10, activation="softmax"),
    ])


run(
    lenet5, options(epochs=100, images=60_000, batch_size=32), "mnist", validation_split=0.2,
    stopping={"patience": 10, "min_delta": 1e-4, "restore_best_weights": True},
)
