"""The same network searched by Ray Tune on all cores: `python ray_mlp.py /path/to/boston.npz /path/to/results`.

`--loop lightning` trains with Lightning as the sweeper's trials do, `--loop torch` with a bare PyTorch loop. Each trial
has one core. Prints one line of JSON.
"""

import argparse
import json
import os

import ray
from ray import tune


def lightning_trial(config: dict[str, float], path: str, epochs: int) -> None:
    """One trial, reported after each epoch by Ray's own callback."""
    from lightning_mlp import MLP, fit
    from ray.tune.integration.pytorch_lightning import TuneReportCheckpointCallback

    report = TuneReportCheckpointCallback(["val_loss", "val_mae"], save_checkpoints=False)
    fit(path, MLP(lr=config["lr"], weight_decay=config["weight_decay"]), epochs, [report])


def torch_trial(config: dict[str, float], path: str, epochs: int) -> None:
    """One trial, reported after each epoch."""
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import nn

    data = {name: torch.from_numpy(values) for name, values in np.load(path).items()}
    hidden = [layer for _ in range(3) for layer in (nn.Linear(128, 128), nn.ReLU())]
    model = nn.Sequential(nn.Linear(13, 128), nn.ReLU(), *hidden, nn.Linear(128, 1))
    adam = torch.optim.Adam(model.parameters(), lr=config["lr"], weight_decay=config["weight_decay"])
    for _ in range(epochs):
        for rows in torch.randperm(len(data["x_train"])).split(32):
            adam.zero_grad()
            F.mse_loss(model(data["x_train"][rows]), data["y_train"][rows]).backward()
            adam.step()
        with torch.no_grad():
            output = model(data["x_validation"])
        loss, mae = F.mse_loss(output, data["y_validation"]), F.l1_loss(output, data["y_validation"])
        tune.report({"val_loss": loss.item(), "val_mae": mae.item()})


def main() -> None:
    """Search."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("results")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--loop", choices=["lightning", "torch"], default="lightning")
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    ray.init(num_cpus=cores, log_to_driver=False)
    trial = lightning_trial if arguments.loop == "lightning" else torch_trial
    tuner = tune.Tuner(
        tune.with_parameters(trial, path=arguments.data, epochs=arguments.epochs),
        param_space={"lr": tune.loguniform(1e-4, 1e-2), "weight_decay": tune.loguniform(1e-6, 1e-3)},
        tune_config=tune.TuneConfig(
            metric="val_mae", mode="min", num_samples=arguments.trials, max_concurrent_trials=cores
        ),
        run_config=tune.RunConfig(storage_path=arguments.results, verbose=0),
    )
    results = tuner.fit()
    ended = [result.metrics for result in results if result.error is None]
    answer = {
        "trials": len(ended),
        "epochs": min(metrics["training_iteration"] for metrics in ended),
        "score": min(metrics["val_mae"] for metrics in ended),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
