"""
Trains a small decoder of landscapes, 32 × 32 pixels in colour, and writes it as decoder.onnx; with it pictures to try.

    PYTHONPATH=node_modules/latentflow/python python train.py

It needs torch, onnx, numpy and pillow, and takes some minutes.
"""

import math
import pathlib
import sys

import torch
from latentflow_export import export
from PIL import Image
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
SIZE, LATENT = 32, 10
grid = (torch.arange(SIZE) + 0.5) / SIZE
across, down = grid.view(1, 1, SIZE), grid.view(1, SIZE, 1)


def colour(*levels):
    return torch.tensor(levels).view(1, 3, 1, 1)


def landscapes(count):
    """Pictures [count, 3, 32, 32] with values in [0, 1]: a sun over a sea of hills, from noon to evening."""
    evening, left, height, sun_x, sun_y, steep = torch.rand(6, count, 1, 1)
    horizon = 0.45 + 0.35 * height + 0.1 * steep * torch.sin(2 * math.pi * (1.5 * across + left))
    # Edges as wide as a pixel.
    hills = torch.sigmoid(2 * SIZE * (down - horizon)).unsqueeze(1)
    radius = 0.12 + 0.08 * evening
    sun = torch.hypot(across - 0.15 - 0.7 * sun_x, down - 0.15 - 0.4 * sun_y)
    sun = torch.sigmoid(2 * SIZE * (radius - sun)).unsqueeze(1)
    evening, depth = evening.unsqueeze(1), down.unsqueeze(1)
    noon_sky = colour(0.35, 0.6, 0.95) + depth * colour(0.3, 0.25, 0.05)
    evening_sky = colour(0.35, 0.2, 0.5) + depth * colour(0.6, 0.35, -0.2)
    sky = noon_sky + evening * (evening_sky - noon_sky)
    sky = sky + sun * (colour(1.0, 0.9, 0.55) - evening * colour(0.0, 0.35, 0.3) - sky)
    land = (colour(0.2, 0.55, 0.25) - evening * colour(0.05, 0.35, 0.05)) * (1.3 - 0.6 * depth)
    return (sky + hills * (land - sky)).clamp(0, 1)


encoder = nn.Sequential(
    nn.Conv2d(3, 16, 4, stride=2, padding=1), nn.SiLU(),
    nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.SiLU(),
    nn.Conv2d(32, 64, 8), nn.SiLU(), nn.Conv2d(64, LATENT, 1), nn.Flatten(),
)
decoder = nn.Sequential(
    nn.Unflatten(1, (LATENT, 1, 1)),
    nn.ConvTranspose2d(LATENT, 24, 4), nn.BatchNorm2d(24), nn.SiLU(),
    nn.ConvTranspose2d(24, 16, 4, stride=2, padding=1), nn.BatchNorm2d(16), nn.SiLU(),
    nn.ConvTranspose2d(16, 16, 4, stride=2, padding=1), nn.BatchNorm2d(16), nn.SiLU(),
    nn.ConvTranspose2d(16, 3, 4, stride=2, padding=1), nn.Sigmoid(),
)
STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, STEPS)
for step in range(STEPS):
    y = landscapes(64)
    z = encoder(y)
    # Latents about as large as those of N(0, 1): encoding starts at 0.
    loss = nn.functional.mse_loss(decoder(z), y) + 1e-4 * z.square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    if (step + 1) % 500 == 0 or step + 1 == STEPS:
        print(f"{step + 1} of {STEPS} steps: a loss of {loss.item():.5f}", flush=True)

export(decoder, "decoder.onnx", latent=LATENT)

pictures = pathlib.Path("pictures")
pictures.mkdir(exist_ok=True)
for number, picture in enumerate(landscapes(4), 1):
    pixels = (picture * 255).round().byte().permute(1, 2, 0)
    Image.fromarray(pixels.numpy()).save(pictures / f"landscape-{number}.png")
