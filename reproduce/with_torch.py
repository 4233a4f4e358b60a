"""A training loop in PyTorch, on the CPU, as all PyTorch programs here have it."""

import sys
import time

import torch
from torch.nn import functional as F

from common import load, report


def run(make, optimizer, args, data, prepare=lambda x: x, assess_train=False):
    """Trains `make()` and prints the result.

    optimizer: makes one from the parameters.
    prepare: called with each batch of images, from 0 to 1.
    assess_train: whether loss and accuracy of the training images are measured in the end, too.
    """
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    parts, digest = load(data)
    (x, y), (x_test, y_test) = [tuple(map(torch.from_numpy, part)) for part in parts]
    x, y = x[: args.images], y[: args.images]
    x_test, y_test = x_test[: args.test_images], y_test[: args.test_images]
    model = make()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", file=sys.stderr)
    optimizer = optimizer(model.parameters())
    history = []
    for epoch in range(1, args.epochs + 1):
        model.train()
        started = time.perf_counter()
        loss_sum, right = 0.0, 0
        for batch in torch.randperm(len(x)).split(args.batch_size):
            logits = model(prepare(x[batch]))
            loss = F.cross_entropy(logits, y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(batch)
            right += (logits.argmax(1) == y[batch]).sum().item()
        seconds = time.perf_counter() - started
        record = {"epoch": epoch, "loss": loss_sum / len(x), "accuracy": right / len(x), "seconds": seconds}
        if args.test_images > 0:
            record["testLoss"], record["testAccuracy"] = assess(model, x_test, y_test, prepare)
        history.append(record)
        print("  ".join(f"{name} {value:.4g}" for name, value in record.items()), file=sys.stderr)
    last = history[-1]
    figures = {"trainLoss": last["loss"], "trainAccuracy": last["accuracy"]}
    if assess_train:
        figures["trainLoss"], figures["trainAccuracy"] = assess(model, x, y, prepare)
    if args.test_images > 0:
        figures["testLoss"], figures["testAccuracy"] = last["testLoss"], last["testAccuracy"]
    report(f"PyTorch {torch.__version__}", args, history, figures, digest)


@torch.no_grad()
def assess(model, x, y, prepare):
    """Mean loss and accuracy in eval mode."""
    model.eval()
    loss, right = 0.0, 0
    for images, labels in zip(x.split(256), y.split(256)):
        logits = model(prepare(images))
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        right += (logits.argmax(1) == labels).sum().item()
    return loss / len(x), right / len(x)
