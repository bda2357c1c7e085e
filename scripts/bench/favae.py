#!/usr/bin/env python3
"""The baseline of `repro bench favae`: a training step of the Feature-Augmented VAE with ResNet-18 as a plain PyTorch loop.

Encoder, decoder and adapters are those of the paper's appendix D; the frozen network is ResNet-18 up to layer3 with its batch norms
folded into its convolutions, as in the weights that repro uses. Weights and images are random; the time does not depend on their values.
Prints the seconds of each step as one JSON line. Needs python3-torch.
"""

import argparse
import json
import math
import time

import torch
import torch.nn.functional as F
from torch import nn

SIDE = 128
ENCODER = ((3, 128, 4, 2, 1), (128, 128, 4, 2, 1), (128, 256, 3, 1, 1), (256, 256, 4, 2, 1), (256, 512, 3, 1, 1), (512, 512, 4, 2, 1),
           (512, 512, 3, 1, 1), (512, 32, 3, 1, 1), (32, 200, 8, 1, 0))
DECODER = ((100, 32, 8, 1, 0), (32, 512, 3, 1, 1), (512, 512, 3, 1, 1), (512, 512, 4, 2, 1), (512, 256, 3, 1, 1), (256, 256, 4, 2, 1),
           (256, 128, 3, 1, 1), (128, 128, 4, 2, 1), (128, 3, 4, 2, 1))
LATENT = 100
FEATURES = ((7, 64), (5, 128), (3, 256))  # index in DECODER of layers 22, 16 and 10, channels of layer1, layer2 and layer3


class ResidualBlock(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, channels, 3, stride, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)
        self.shortcut = nn.Conv2d(inputs, channels, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList(
            nn.Sequential(ResidualBlock(inputs, channels, stride), ResidualBlock(channels, channels, 1))
            for inputs, channels, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2)))
        self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1))

    @torch.no_grad()
    def forward(self, x):
        x = self.stem((x - self.mean) / self.deviation)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class Favae(nn.Module):
    def __init__(self, width):
        super().__init__()

        def scaled(channels):
            return channels if channels in (3, LATENT, 2 * LATENT) else max(8, round(channels * width))

        def layers(kind, rows):
            convolutions = nn.ModuleList(kind(scaled(i), scaled(o), k, s, p) for i, o, k, s, p in rows)
            activations = nn.ModuleList(nn.Sequential(nn.BatchNorm2d(scaled(o)), nn.LeakyReLU(0.2)) for _, o, *_ in rows[:-1])
            return convolutions, activations

        self.encoder, self.encoder_activations = layers(nn.Conv2d, ENCODER)
        self.decoder, self.decoder_activations = layers(nn.ConvTranspose2d, DECODER)
        self.adapters = nn.ModuleList(
            nn.Sequential(nn.Conv2d(scaled(DECODER[layer][1]), channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1))
            for layer, channels in FEATURES)
        self.log_variances = nn.ParameterList(nn.Parameter(torch.zeros(channels)) for channels in (3, *(c for _, c in FEATURES)))

    @staticmethod
    def run(x, convolutions, activations):
        outputs = []
        for i, convolution in enumerate(convolutions):
            x = convolution(x)
            outputs.append(x)
            if i < len(activations):
                x = activations[i](x)
        return outputs

    def loss(self, images, features):
        code = self.run(images, self.encoder, self.encoder_activations)[-1]
        mean, log_variance = code[:, :LATENT], code[:, LATENT:].clamp(-12, 12)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum()
        outputs = self.run(z, self.decoder, self.decoder_activations)
        decoded = [outputs[-1].sigmoid()]
        for (layer, _), adapter, feature in zip(FEATURES, self.adapters, features):
            decoded.append(F.interpolate(adapter(outputs[layer]), feature.shape[2:], mode="bilinear", align_corners=False))
        total = divergence
        for target, mu, log_variance in zip((images, *features), decoded, self.log_variances):
            log_variance = log_variance.clamp(-12, 12)
            scaled = (target - mu) * (-0.5 * log_variance).exp().view(1, -1, 1, 1)
            error = 0.5 * (scaled.square().sum(1, keepdim=True) + (log_variance + math.log(2 * math.pi)).sum())
            total = total + F.interpolate(error, images.shape[2:], mode="bilinear", align_corners=False).sum()
        return total / len(images)


def moved(images, degrees, shift):
    random = torch.rand(len(images), 3) * 2 - 1
    angle, offset = random[:, 0] * math.radians(degrees), random[:, 1:] * (2 * shift)
    theta = torch.stack((angle.cos(), -angle.sin(), offset[:, 0], angle.sin(), angle.cos(), offset[:, 1]), 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, images.shape, align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--width-percent", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    images = torch.rand(options.images, 3, SIDE, SIDE)
    extractor = ResNet()
    model = Favae(options.width_percent / 100)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    seconds = []
    for _ in range(options.steps):
        start = time.perf_counter()
        batch = moved(images[torch.randint(len(images), (options.batch,))], 10, 0.05)
        optimizer.zero_grad()
        loss = model.loss(batch, extractor(batch))
        loss.backward()
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"torch": torch.__version__, "seconds": seconds}))


if __name__ == "__main__":
    main()
