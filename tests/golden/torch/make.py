"""Writes golden.json with PyTorch 1.13: optimisers, schedules and seeded initial weights. /usr/bin/python3 make.py"""
import json
import os

import torch


def optimise(make):
    """Parameters after each of 5 steps on a small non-convex function."""
    p = torch.nn.Parameter(torch.tensor([[0.5, -1.2, 2.0], [0.1, -0.7, 0.3]], dtype=torch.float64))
    q = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = make([p, q])
    path = []
    for _ in range(5):
        optimizer.zero_grad()
        ((p * p * q).sum() + p.sin().sum() + q.exp().mean()).backward()
        optimizer.step()
        path.append(p.flatten().tolist() + q.tolist())
    return path


def rates(make):
    """The learning rate before each of 10 steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 0.1)
    scheduler = make(optimizer)
    path = []
    for _ in range(10):
        path.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return path


def initial(make):
    """The first weights and biases of a layer made after manual_seed(7)."""
    torch.manual_seed(7)
    layer = make()
    return [float(value) for p in layer.parameters() for value in p.flatten()[:4]]


def outputs():
    """Layers whose conventions are easily got wrong, on fixed input."""
    x = (torch.arange(2 * 2 * 4 * 5, dtype=torch.float64).reshape(2, 2, 4, 5) * 0.37).sin()
    f = torch.nn.functional
    return {
        "bilinear": f.interpolate(x, size=(7, 3), mode="bilinear", align_corners=False),
        "bilinear corners": f.interpolate(x, size=(7, 3), mode="bilinear", align_corners=True),
        "bilinear antialias": f.interpolate(x, size=(2, 2), mode="bilinear", antialias=True),
        "bicubic": f.interpolate(x, size=(7, 3), mode="bicubic", align_corners=False),
        "nearest scale": f.interpolate(x, scale_factor=(1.5, 2.0), mode="nearest"),
        "nearest exact": f.interpolate(x, size=(3, 7), mode="nearest-exact"),
        "reflect": f.pad(x, (2, 1, 1, 2), mode="reflect"),
        "average": f.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
        "batch norm": f.batch_norm(x, None, None, training=True),
        "grid border": f.grid_sample(
            x, f.affine_grid(torch.tensor([[[1.2, 0.3, 0.1], [-0.2, 0.9, -0.3]]] * 2, dtype=torch.float64), (2, 2, 3, 3), align_corners=False),
            padding_mode="border", align_corners=False),
        "grid reflection": f.grid_sample(
            x, f.affine_grid(torch.tensor([[[1.9, 0.3, 0.1], [-0.2, 1.8, -0.3]]] * 2, dtype=torch.float64), (2, 2, 3, 3), align_corners=False),
            padding_mode="reflection", align_corners=False),
        "normalize": f.normalize(x, dim=1),
        "quantile": x.flatten().quantile(torch.tensor([0.1, 0.5, 0.95], dtype=torch.float64)),
    }


golden = {
    "torch": torch.__version__,
    "optimizers": {
        "adam": optimise(lambda p: torch.optim.Adam(p, 0.05)),
        "adam weight decay amsgrad": optimise(lambda p: torch.optim.Adam(p, 0.05, (0.8, 0.99), 1e-6, 0.1, True)),
        "adam maximize": optimise(lambda p: torch.optim.Adam(p, 0.05, maximize=True)),
        "sgd": optimise(lambda p: torch.optim.SGD(p, 0.05)),
        "sgd momentum weight decay": optimise(lambda p: torch.optim.SGD(p, 0.05, 0.9, 0.1, 0.01)),
        "sgd nesterov": optimise(lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    },
    "schedules": {
        "step": rates(lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5)),
        "multi step": rates(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 5], 0.1)),
        "cosine": rates(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 6, 0.01)),
        "linear": rates(lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.25, 1.0, 4)),
        "lambda": rates(lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch))),
    },
    "initial": {
        "conv2d": initial(lambda: torch.nn.Conv2d(3, 4, 3)),
        "conv_transpose2d": initial(lambda: torch.nn.ConvTranspose2d(3, 4, 2)),
        "linear": initial(lambda: torch.nn.Linear(5, 3)),
    },
    "outputs": {name: output.flatten().tolist() for name, output in outputs().items()},
}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
