"""Twenty steps of LeNet-5 on the sixteen digits of digits.json: losses and weights."""

import base64
import json

import torch
from torch import nn

from golden import HERE, rounded, stored, write

STEPS = 20


def lenet5(activation: type[nn.Module], pool: type[nn.Module]) -> nn.Module:
    return nn.ModuleDict(
        {
            "features": nn.Sequential(
                nn.Conv2d(1, 6, 5, padding=2),
                activation(),
                pool(2),
                nn.Conv2d(6, 16, 5),
                activation(),
                pool(2),
            ),
            "classifier": nn.Sequential(
                nn.Flatten(),
                nn.Linear(400, 120),
                activation(),
                nn.Linear(120, 84),
                activation(),
                nn.Linear(84, 10),
            ),
        }
    ).double()


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels from 0 to 1, (16, 1, 28, 28), and labels, (16)."""
    data = json.loads((HERE / "digits.json").read_text())
    pixels = torch.tensor(list(base64.b64decode(data["imagesBase64"])))
    x = rounded(pixels.double() / 255).reshape(16, 1, 28, 28)
    return x, torch.tensor(data["labels"])


def main() -> None:
    torch.manual_seed(5)
    x, y = digits()
    initial = {
        name: rounded(p)
        for name, p in lenet5(nn.ReLU, nn.MaxPool2d).state_dict().items()
    }
    tensors = {f"initial/{name}": p for name, p in initial.items()}
    for run, activation, pool, lr in [
        ("relu max", nn.ReLU, nn.MaxPool2d, 0.1),
        ("sigmoid avg", nn.Sigmoid, nn.AvgPool2d, 0.5),
    ]:
        model = lenet5(activation, pool)
        model.load_state_dict(initial)
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        losses = []
        for _ in range(STEPS):
            logits = model["classifier"](model["features"](x))
            loss = nn.functional.cross_entropy(logits, y)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        tensors[f"{run}/losses"] = torch.tensor(losses, dtype=torch.float64)
        if run == "relu max":
            tensors |= {f"{run}/{name}": p for name, p in model.state_dict().items()}
        print(run, losses[0], losses[-1])
    write("lenet5", {name: stored(p) for name, p in tensors.items()}, {})
