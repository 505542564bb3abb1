"""The reference CNN on Fashion-MNIST with Keras: `python keras_cnn.py fashion.npz --epochs 1`.

Prints one line of JSON; the clock runs from building the network to the end of `fit`, after one epoch on a few
images that does not count.
"""

import argparse
import json
import time

import keras
import numpy as np


def train(data: dict[str, np.ndarray], epochs: int) -> tuple[keras.Model, keras.callbacks.History]:
    """Train as the guides show, with a validation after each epoch."""
    model = keras.Sequential(
        [
            keras.Input(shape=data["x_train"].shape[1:]),
            keras.layers.Conv2D(32, 4, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    adam = keras.optimizers.Adam(learning_rate=1e-3)
    model.compile(optimizer=adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        data["x_train"],
        data["y_train"],
        batch_size=32,
        epochs=epochs,
        validation_data=(data["x_validation"], data["y_validation"]),
        verbose=0,
    )
    return model, history


parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--epochs", type=int, default=1)
arguments = parser.parse_args()
data = dict(np.load(arguments.data))
for name in ("x_train", "x_validation"):  # (rows, channels, height, width) to Keras' (rows, height, width, channels)
    data[name] = np.ascontiguousarray(np.moveaxis(data[name], 1, -1))

begun = time.perf_counter()
train({name: values[:320] for name, values in data.items()}, epochs=1)
warm = time.perf_counter()
model, history = train(data, arguments.epochs)
done = time.perf_counter()
answer = {
    "warm_up": warm - begun,
    "seconds": done - warm,
    "steps": int(model.optimizer.iterations.numpy()),
    "parameters": model.count_params(),
    "score": history.history["val_accuracy"][-1],
}
print(json.dumps(answer))
