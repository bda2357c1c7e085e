"""The networks of the papers in PyTorch, as references for make_features.py: torchvision's own where it has them, else small ones
written from the papers. Each gives (module with the published tensor names, function from an input to {layer: feature map})."""
import math

import torch
import torchvision
from torch import nn
from torch.nn import functional as F


def hooked(model, modules):
    """The outputs of named modules in one forward pass, copied before a later module changes them in place."""

    def run(x):
        found, handles = {}, []
        for layer, module in modules.items():
            handles.append(module.register_forward_hook(lambda _, __, output, layer=layer: found.__setitem__(layer, output.clone())))
        model(x)
        for handle in handles:
            handle.remove()
        return found

    return model, run


def vgg(cfg, batch_norm):
    class Features(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torchvision.models.vgg.make_layers(cfg, batch_norm=batch_norm)

        def forward(self, x):
            return self.features(x)

    model, modules, block, number = Features(), {}, 1, 0
    children = list(model.features.children())
    for index, child in enumerate(children):
        if isinstance(child, nn.Conv2d):
            number += 1
            modules[f"conv{block}_{number}"] = children[index + 1] if batch_norm else child
        elif isinstance(child, nn.ReLU):
            modules[f"relu{block}_{number}"] = child
        elif isinstance(child, nn.MaxPool2d):
            modules[f"pool{block}"] = child
            block, number = block + 1, 0
    return hooked(model, modules)


VGG16, VGG19 = torchvision.models.vgg.cfgs["D"], torchvision.models.vgg.cfgs["E"]


def vgg19_16x():
    model = nn.Module()
    model.conv0 = nn.Conv2d(3, 3, 1)
    plan, width = [("1", 2, 16), ("2", 2, 32), ("3", 4, 64), ("4", 4, 128), ("5", 1, 128)], 3
    for block, count, out in plan:
        for number in range(1, count + 1):
            setattr(model, f"conv{block}{number}", nn.Conv2d(width, out, 3))
            width = out
        setattr(model, f"conv{block}1_aux", nn.Conv2d(width, min(64 << (int(block) - 1), 512), 1))

    def run(x):
        x = model.conv0(x)
        found = {"input": x}
        for block, count, _ in plan:
            for number in range(1, count + 1):
                x = getattr(model, f"conv{block}{number}")(F.pad(x, (1, 1, 1, 1), mode="reflect"))
                found[f"conv{block}_{number}"] = x
                x = F.relu(x)
                found[f"relu{block}_{number}"] = x
                if number == 1:
                    found[f"aux{block}_1"] = getattr(model, f"conv{block}1_aux")(x)
            if block != "5":
                x = F.max_pool2d(x, 2)
                found[f"pool{block}"] = x
        return found

    return model, run


def resnet(name, first_stride=False):
    model = getattr(torchvision.models, name)()
    modules = {"stem": model.relu, "maxpool": model.maxpool}
    for stage in range(1, 5):
        blocks = getattr(model, f"layer{stage}")
        for number, block in enumerate(blocks):
            modules[f"layer{stage}.{number}" if number < len(blocks) - 1 else f"layer{stage}"] = block
            if first_stride and number == 0 and stage > 1:
                block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)
    return hooked(model, modules)


def efficientnet(number):
    model = getattr(torchvision.models, f"efficientnet_b{number}")()
    modules = {"stem": model.features[0], "head": model.features[8]}
    modules.update({f"blocks.{stage}": model.features[stage + 1] for stage in range(7)})
    return hooked(model, modules)


class Conv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding or with half the kernel; given a side, with the padding that is SAME for that side."""

    def __init__(self, width, out, kernel, stride=1, groups=1, bias=False, same=True):
        super().__init__(width, out, kernel, stride, 0 if same else (kernel - 1) // 2, groups=groups, bias=bias)
        self.same, self.side = same, None

    def forward(self, x):
        if self.same:
            pad = []
            for length in (x.shape[3], x.shape[2]):
                length = self.side or length
                missing = max((math.ceil(length / self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - length, 0)
                pad += [missing // 2, missing - missing // 2]
            x = F.pad(x, pad)
        return super().forward(x)


def fix_padding(model, run, side):
    """Fixes each convolution's padding for its input's side when the network's is given, as efficientnet_pytorch does."""

    def fix(conv, args):
        conv.side = args[0].shape[2]

    handles = [conv.register_forward_pre_hook(fix) for conv in model.modules() if isinstance(conv, Conv)]
    run(torch.zeros(1, 3, side, side))
    for handle in handles:
        handle.remove()
    return model, run


def swish(x):
    return x * torch.sigmoid(x)


class Block(nn.Module):
    """A block of an EfficientNet, with its modules under the names of a library."""

    def __init__(self, names, kind, width, out, expand, kernel, stride, eps, same):
        super().__init__()
        self.names, self.kind, self.skip, self.expands = names, kind, stride == 1 and width == out, expand > 1
        inner = width * expand
        norm = lambda channels: nn.BatchNorm2d(channels, eps=eps)
        if kind == "cn":
            self.put("conv", Conv(width, out, kernel, stride, same=same))
            self.put("bn", norm(out))
        elif kind == "er":
            self.put("expand", Conv(width, inner, kernel, stride, same=same))
            self.put("expand_bn", norm(inner))
            self.put("project", Conv(inner, out, 1, same=same))
            self.put("project_bn", norm(out))
        else:
            if expand > 1:
                self.put("expand", Conv(width, inner, 1, same=same))
                self.put("expand_bn", norm(inner))
            self.put("depthwise", Conv(inner, inner, kernel, stride, groups=inner, same=same))
            self.put("depthwise_bn", norm(inner))
            squeezed = max(1, width // 4)
            self.put("reduce", Conv(inner, squeezed, 1, bias=True, same=same))
            self.put("excite", Conv(squeezed, inner, 1, bias=True, same=same))
            self.put("project", Conv(inner, out, 1, same=same))
            self.put("project_bn", norm(out))

    def put(self, part, module):
        path = self.names[part].split(".")
        parent = self
        for step in path[:-1]:
            if not hasattr(parent, step):
                parent.add_module(step, nn.Module())
            parent = getattr(parent, step)
        parent.add_module(path[-1], module)

    def get(self, part):
        module = self
        for step in self.names[part].split("."):
            module = getattr(module, step)
        return module

    def forward(self, x):
        start = x
        if self.kind == "cn":
            x = swish(self.get("bn")(self.get("conv")(x)))
        else:
            if self.expands:
                x = swish(self.get("expand_bn")(self.get("expand")(x)))
            if self.kind == "ir":
                x = swish(self.get("depthwise_bn")(self.get("depthwise")(x)))
                gate = swish(self.get("reduce")(x.mean((2, 3), keepdim=True)))
                x = x * torch.sigmoid(self.get("excite")(gate))
            x = self.get("project_bn")(self.get("project")(x))
        return x + start if self.skip else x


LUKEMELAS = dict(expand="_expand_conv", expand_bn="_bn0", depthwise="_depthwise_conv", depthwise_bn="_bn1",
                 reduce="_se_reduce", excite="_se_expand", project="_project_conv", project_bn="_bn2")
TIMM_CN = dict(conv="conv", bn="bn1")
TIMM_ER = dict(expand="conv_exp", expand_bn="bn1", project="conv_pwl", project_bn="bn2")
TIMM_IR = dict(expand="conv_pw", expand_bn="bn1", depthwise="conv_dw", depthwise_bn="bn2", reduce="se.conv_reduce", excite="se.conv_expand",
               project="conv_pwl", project_bn="bn3")
TIMM_DS = dict(depthwise="conv_dw", depthwise_bn="bn1", reduce="se.conv_reduce", excite="se.conv_expand", project="conv_pw", project_bn="bn2")

V1 = [("ir", 1, 16, 1, 1, 3), ("ir", 6, 24, 2, 2, 3), ("ir", 6, 40, 2, 2, 5), ("ir", 6, 80, 3, 2, 3), ("ir", 6, 112, 3, 1, 5), ("ir", 6, 192, 4, 2, 5), ("ir", 6, 320, 1, 1, 3)]
V2_B0 = [("cn", 1, 16, 1, 1, 3), ("er", 4, 32, 2, 2, 3), ("er", 4, 48, 2, 2, 3), ("ir", 4, 96, 3, 2, 3), ("ir", 6, 112, 5, 1, 3), ("ir", 6, 192, 8, 2, 3)]
SIDES = [224, 240, 260, 300, 380, 456, 528, 600]
COEFFICIENTS = [(1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8), (1.6, 2.2), (1.8, 2.6), (2.0, 3.1)]


def round_filters(filters, multiplier):
    filters *= multiplier
    rounded = max(8, int(filters + 4) // 8 * 8)
    return int(rounded + 8 if rounded < 0.9 * filters else rounded)


def plain_efficientnet(stages, number, library, eps, same):
    width_factor, depth_factor = COEFFICIENTS[number]
    lukemelas = library == "lukemelas"
    model, blocks, width = nn.Module(), [], round_filters(32, width_factor)
    stem, stem_bn = ("_conv_stem", "_bn0") if lukemelas else ("conv_stem", "bn1")
    head, head_bn = ("_conv_head", "_bn1") if lukemelas else ("conv_head", "bn2")
    model.add_module(stem, Conv(3, width, 3, 2, same=same))
    model.add_module(stem_bn, nn.BatchNorm2d(width, eps=eps))
    for stage, (kind, expand, channels, count, stride, kernel) in enumerate(stages):
        group = []
        for position in range(math.ceil(count * depth_factor)):
            names = LUKEMELAS if lukemelas else TIMM_CN if kind == "cn" else TIMM_ER if kind == "er" else TIMM_IR if expand > 1 else TIMM_DS
            out = round_filters(channels, width_factor)
            group.append(Block(names, kind, width, out, expand, kernel, stride if position == 0 else 1, eps, same))
            width = out
        blocks.append(group)
    flat = nn.ModuleList([block for group in blocks for block in group])
    if lukemelas:
        model.add_module("_blocks", flat)
    else:
        model.add_module("blocks", nn.ModuleList([nn.ModuleList(group) for group in blocks]))
    out = round_filters(1280, width_factor)
    model.add_module(head, Conv(width, out, 1, same=same))
    model.add_module(head_bn, nn.BatchNorm2d(out, eps=eps))

    def run(x):
        x = swish(getattr(model, stem_bn)(getattr(model, stem)(x)))
        found = {"stem": x}
        for stage, group in enumerate(blocks):
            for block in group:
                x = block(x)
            found[f"blocks.{stage}"] = x
        found["head"] = swish(getattr(model, head_bn)(getattr(model, head)(x)))
        return found

    return model, run


def yolov3():
    """The layers in the order of yolov3.cfg: (filters, size, stride), 's' shortcut -3, ('r', ...) route, 'u' upsample, 'y' detection."""
    plan = [(32, 3, 1)]
    for filters, count in [(64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)]:
        plan.append((filters, 3, 2))
        plan += [(filters // 2, 1, 1), (filters, 3, 1), "s"] * count
    plan += [(512, 1, 1), (1024, 3, 1)] * 3 + ["d", "y", ("r", -4), (256, 1, 1), "u", ("r", -1, 61)]
    plan += [(256, 1, 1), (512, 3, 1)] * 3 + ["d", "y", ("r", -4), (128, 1, 1), "u", ("r", -1, 36)]
    plan += [(128, 1, 1), (256, 3, 1)] * 3 + ["d", "y"]
    model, widths = nn.Module(), []
    model.layers = nn.ModuleList()
    for index, layer in enumerate(plan):
        module, width = nn.Module(), widths[-1] if widths else 3
        if layer == "d":
            module.conv = nn.Conv2d(width, 255, 1)
            width = 255
        elif isinstance(layer, tuple) and layer[0] == "r":
            width = sum(widths[index + offset if offset < 0 else offset] for offset in layer[1:])
        elif isinstance(layer, tuple):
            module.conv = nn.Conv2d(width, layer[0], layer[1], layer[2], layer[1] // 2, bias=False)
            module.bn = nn.BatchNorm2d(layer[0])
            width = layer[0]
        widths.append(width)
        model.layers.append(module)

    def run(x):
        outputs = []
        for index, layer in enumerate(plan):
            module = model.layers[index]
            if layer == "d":
                x = module.conv(x)
            elif layer == "s":
                x = outputs[-1] + outputs[-3]
            elif layer == "u":
                x = F.interpolate(x, scale_factor=2)
            elif layer == "y":
                n, _, h, w = x.shape
                boxes = x.reshape(n, 3, 85, h, w)
                x = torch.cat([boxes[:, :, :2].sigmoid(), boxes[:, :, 2:4], boxes[:, :, 4:].sigmoid()], 2).reshape(n, 255, h, w)
            elif layer[0] == "r":
                parts = [outputs[index + offset if offset < 0 else offset] for offset in layer[1:]]
                if len({part.shape[2:] for part in parts}) > 1:
                    break  # darknet joins maps of equal size only
                x = torch.cat(parts, 1)
            else:
                x = F.leaky_relu(module.bn(module.conv(x)), 0.1)
            outputs.append(x)
        return {str(index): output for index, output in enumerate(outputs)}

    return model, run


NETWORKS = {
    "vgg16": lambda: vgg(VGG16, False),
    "vgg16_bn": lambda: vgg(VGG16, True),
    "vgg19": lambda: vgg(VGG19, False),
    "vgg19_bn": lambda: vgg(VGG19, True),
    "vgg19_16x": vgg19_16x,
    "resnet18": lambda: resnet("resnet18"),
    "resnet34": lambda: resnet("resnet34"),
    "resnet50": lambda: resnet("resnet50"),
    "resnet50_v1": lambda: resnet("resnet50", first_stride=True),
    "wide_resnet50_2": lambda: resnet("wide_resnet50_2"),
    **{f"efficientnet_b{number}": lambda number=number: efficientnet(number) for number in range(8)},
    **{f"efficientnet-b{number}": lambda number=number: fix_padding(*plain_efficientnet(V1, number, "lukemelas", 1e-3, True), SIDES[number]) for number in range(8)},
    "timm_efficientnet_b0": lambda: plain_efficientnet(V1, 0, "timm", 1e-5, False),
    "tf_efficientnet_b0": lambda: plain_efficientnet(V1, 0, "timm", 1e-3, True),
    "tf_efficientnetv2_b0": lambda: plain_efficientnet(V2_B0, 0, "timm", 1e-3, True),
    "yolov3": yolov3,
}
