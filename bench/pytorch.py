"""PyTorch's figures for what bench/run.ts measures, as JSON on standard output.

    python3 bench/pytorch.py                  on the CUDA device: eager and CUDA graphs, f32 and f16
    python3 bench/pytorch.py --device cpu     eager alone: to try the script

The same networks, batches and optimizer (SGD, momentum 0.9). f32 is without TF32; f16 is autocast.
Medians of some runs, on data that stays on the device.
"""

import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def lenet5(activation, pool):
    """(N, 1, 28, 28) -> (N, 10)"""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), activation(), pool(2),
        nn.Conv2d(6, 16, 5), activation(), pool(2),
        nn.Flatten(),
        nn.Linear(400, 120), activation(),
        nn.Linear(120, 84), activation(),
        nn.Linear(84, 10),
    )


def alexnet_cifar():
    """(N, 3, 32, 32) -> (N, 10), as src/models/alexnetCifar.ts"""

    def convolution(in_channels, channels, size):
        return [
            nn.Conv2d(in_channels, channels, size, padding="same"),
            nn.ReLU(),
            nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01),
        ]

    return nn.Sequential(
        *convolution(3, 64, 5), nn.MaxPool2d(2),
        *convolution(64, 192, 5), nn.MaxPool2d(2),
        *convolution(192, 384, 3), *convolution(384, 256, 3),
        *convolution(256, 256, 3), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4096, 1024), nn.ReLU(), nn.Dropout(),
        nn.Linear(1024, 1024), nn.ReLU(), nn.Dropout(),
        nn.Linear(1024, 10),
    )


def alexnet():
    """(N, 3, 227, 227) -> (N, 1000), torchvision's"""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6), nn.Flatten(),
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000),
    )


# name: how it is made, shape of an image, classes
NETWORKS = {
    "LeNet-5 sigmoid avg": (lambda: lenet5(nn.Sigmoid, nn.AvgPool2d), (1, 28, 28), 10),
    "LeNet-5 relu max": (lambda: lenet5(nn.ReLU, nn.MaxPool2d), (1, 28, 28), 10),
    "CIFAR AlexNet": (alexnet_cifar, (3, 32, 32), 10),
    "AlexNet-227": (alexnet, (3, 227, 227), 1000),
}

# name, mode, batch; whether a quick run has it, and whether only a GPU can do it in time
CASES = [
    ("LeNet-5 sigmoid avg", "train", 64, False, False),
    ("LeNet-5 sigmoid avg", "train", 256, False, False),
    ("LeNet-5 relu max", "train", 64, True, False),
    ("LeNet-5 relu max", "train", 256, False, False),
    ("LeNet-5 relu max", "infer", 256, True, False),
    ("CIFAR AlexNet", "train", 4, False, False),
    ("AlexNet-227", "infer", 1, False, False),
    ("CIFAR AlexNet", "train", 128, False, True),
    ("AlexNet-227", "train", 128, False, True),
    ("AlexNet-227", "infer", 128, False, True),
]

MATMULS = [256, 512, 1024, 2048, 4096]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    on_gpu = args.device == "cuda"
    if on_gpu and not torch.cuda.is_available():
        sys.exit("pytorch.py: expected a CUDA device, got none. Try --device cpu.")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True

    seconds = 0.1 if args.quick else 0.5
    results = []
    for name, mode, batch, quick, large in CASES:
        if (args.quick and not quick) or (large and not on_gpu):
            continue
        for dtype in ["f32", "f16"] if on_gpu else ["f32"]:
            for graphs in [False, True] if on_gpu else [False]:
                step = network_step(name, mode, batch, dtype, args.device)
                ms = time_step(captured(step) if graphs else step, on_gpu, seconds)
                results.append({
                    "name": name, "mode": mode, "batch": batch, "dtype": dtype, "graphs": graphs,
                    "ms": ms, "imagesPerSecond": 1000 * batch / ms, "gflops": None,
                })
    for size in MATMULS[:2] if args.quick or not on_gpu else MATMULS:
        for dtype in ["f32", "f16"] if on_gpu else ["f32"]:
            kind = torch.float16 if dtype == "f16" else torch.float32
            a, b = (torch.randn(size, size, device=args.device, dtype=kind) for _ in range(2))
            ms = time_step(lambda: a @ b, on_gpu, seconds)
            results.append({
                "name": f"matmul {size}", "mode": "matmul", "batch": 1, "dtype": dtype,
                "graphs": False, "ms": ms, "imagesPerSecond": None,
                "gflops": 2 * size**3 / ms / 1e6,
            })
    device = torch.cuda.get_device_name() if on_gpu else "the CPU"
    json.dump({"version": torch.__version__, "device": device, "results": results}, sys.stdout)
    print()


def network_step(name, mode, batch, dtype, device):
    """A function without arguments that runs one step."""
    make, shape, classes = NETWORKS[name]
    torch.manual_seed(11)
    model = make().to(device)
    x = torch.rand(batch, *shape, device=device)
    target = torch.randint(0, classes, (batch,), device=device)
    # Casts of the weights are not kept from step to step, where the weights change.
    autocast = torch.autocast(device, torch.float16, enabled=dtype == "f16", cache_enabled=False)
    if mode == "infer":
        model.eval()

        def infer():
            with torch.no_grad(), autocast:
                model(x)

        return infer

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def train():
        with autocast:
            loss = F.cross_entropy(model(x), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return train


def captured(step):
    """The step as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def time_step(step, on_gpu, seconds):
    """Milliseconds of one run, the median of five rounds of as many runs as take some time."""

    def elapsed(runs):
        wait()
        start = time.perf_counter()
        for _ in range(runs):
            step()
        wait()
        return time.perf_counter() - start

    def wait():
        if on_gpu:
            torch.cuda.synchronize()

    elapsed(3)
    once = elapsed(1)
    runs = max(1, min(1000, int(seconds / 5 / once)))
    return 1000 * statistics.median(elapsed(runs) / runs for _ in range(5))


if __name__ == "__main__":
    main()
