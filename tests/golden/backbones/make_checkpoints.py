#!/usr/bin/env python3
"""Writes the small .pth files of this folder with PyTorch: both forms of torch.save, all element types, strided and shared
storages, wrappers and prefixes. Every tensor's values are a function of its name's position, so that the test knows them:
element i (row-major) of the n-th tensor is (i + 10 n) / 4 for floats and i + 10 n for integers.

    /usr/bin/python3 make_checkpoints.py
"""
import collections
import os

import torch

here = os.path.dirname(os.path.abspath(__file__))


def values(n, shape, dtype):
    count = 1
    for length in shape:
        count *= length
    plain = torch.arange(count, dtype=torch.float64) + 10 * n
    if dtype.is_floating_point:
        plain = plain / 4
    return plain.to(dtype).reshape(shape)


def tensors():
    state = collections.OrderedDict()
    state["single"] = values(0, (2, 3), torch.float32)
    state["half"] = values(1, (2, 3), torch.float16)
    state["brain"] = values(2, (2, 3), torch.bfloat16)
    state["long"] = values(3, (2, 3), torch.int64)
    state["double"] = values(4, (2, 3), torch.float64)
    state["transposed"] = values(5, (3, 2), torch.float32).t().contiguous().t()
    # A part of a larger storage that another tensor shares.
    shared = torch.zeros(20)
    state["shared.first"] = shared[2:8].view(2, 3)
    state["shared.second"] = shared[8:20:2].view(2, 3)
    state["shared.first"].copy_(values(6, (2, 3), torch.float32))
    state["shared.second"].copy_(values(7, (2, 3), torch.float32))
    state["channels_last"] = values(8, (1, 3, 2, 2), torch.float32).contiguous(memory_format=torch.channels_last)
    state["scalar"] = values(9, (), torch.int64)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(values(11, (2, 3), torch.float32))
    state["byte"] = values(12, (2, 3), torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    return state


def save(name, root, zipped):
    torch.save(root, os.path.join(here, name), _use_new_zipfile_serialization=zipped)


plain = tensors()
save("zip.pth", plain, True)
save("legacy.pth", plain, False)
wrapped = {"epoch": 3, "best": 0.5, "name": "run", "state_dict": collections.OrderedDict(("module." + k, v) for k, v in plain.items())}
save("zip_wrapped.pth", wrapped, True)
save("legacy_wrapped.pth", {"model": wrapped["state_dict"], "optimizer": {"lr": [0.1, 0.2], "betas": (0.9, 0.999), "none": None}}, False)
module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.BatchNorm2d(2))
for index, (key, value) in enumerate(module.state_dict().items()):
    value.copy_(values(index, tuple(value.shape), value.dtype))
save("module.pth", module.state_dict(), True)
