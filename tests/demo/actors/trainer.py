"""Trains a small model for a few steps and saves it the way trainers do: to a temporary name, then renamed."""

import os
import sys

import torch

WIDTH = 4096  # one 4096x4096 layer of float32: 64 MiB of weights
STEPS = 2


def save(model, path):
    torch.save(model.state_dict(), path + ".tmp")
    os.replace(path + ".tmp", path)


def main(directory):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 8))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    checkpoint = os.path.join(directory, "checkpoint.pt")
    for step in range(STEPS):
        batch = torch.randn(4, WIDTH)
        loss = torch.nn.functional.mse_loss(model(batch), torch.zeros(4, 8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step > 0:
            os.replace(checkpoint, os.path.join(directory, "checkpoint-previous.pt"))
        save(model, checkpoint)
        print(f"step {step + 1}: loss {loss.item():.4f}", flush=True)
    save(model, os.path.join(directory, "model.pt"))


if __name__ == "__main__":
    main(sys.argv[1])
