"""A state_dict that safetensors' reference writer wrote, and the logits that PyTorch gives with it.

interchange.safetensors is the file as a user of PyTorch has it; interchange.json has the logits for the
digits of digits.json. torchvision_alexnet.json has the header that the writer gives the state_dict of
torchvision's AlexNet, whose 244 MB of weights are no matter here; where Python has torchvision.
"""

import json

import torch
from safetensors.torch import save, save_file
from torch import nn

from golden import HERE
from lenet5 import digits

STEPS = 5


def network() -> nn.Sequential:
    """As `network` in interchange.test.ts."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(144, 10),
    )


def train(model: nn.Module) -> None:
    """A few steps, so that running statistics are not those of the start."""
    x, y = digits()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x.float()), y).backward()
        optimizer.step()


def logits(model: nn.Module) -> torch.Tensor:
    """(16, 10), computed in float64."""
    with torch.no_grad():
        return model.double().eval()(digits()[0])


def write_alexnet_header() -> None:
    try:
        from torchvision.models import alexnet
    except ModuleNotFoundError:
        print("no torchvision: torchvision_alexnet.json stays as it is")
        return
    data = save(alexnet().state_dict())
    header = data[8 : 8 + int.from_bytes(data[:8], "little")].decode()
    tensors = json.loads(header)
    (HERE / "torchvision_alexnet.json").write_text(json.dumps(tensors, indent=2) + "\n")


def main() -> None:
    torch.manual_seed(6)
    model = network()
    train(model)
    save_file(
        model.state_dict(), HERE / "interchange.safetensors", {"format": "pt"}
    )
    values = logits(model).float().tolist()
    (HERE / "interchange.json").write_text(json.dumps({"logits": values}) + "\n")
    write_alexnet_header()
