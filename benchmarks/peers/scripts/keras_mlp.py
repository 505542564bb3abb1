"""The reference MLP on Boston housing with Keras: `python keras_mlp.py boston.npz --epochs 200`.

Prints one line of JSON; the clock runs from building the network to the end of `fit`, after one epoch that does not
count.
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
            keras.Input(shape=(data["x_train"].shape[1],)),
            *[keras.layers.Dense(128, activation="relu") for _ in range(4)],
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-3), loss="mse", metrics=["mae"])
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
parser.add_argument("--epochs", type=int, default=200)
arguments = parser.parse_args()
data = dict(np.load(arguments.data))

begun = time.perf_counter()
train(data, epochs=1)
warm = time.perf_counter()
model, history = train(data, arguments.epochs)
done = time.perf_counter()
answer = {
    "warm_up": warm - begun,
    "seconds": done - warm,
    "steps": int(model.optimizer.iterations.numpy()),
    "parameters": model.count_params(),
    "score": history.history["val_mae"][-1],
}
print(json.dumps(answer))
