"""A small convolutional network that reads digits of 8x8 pixels."""

import time

import harness
import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10  # tune: off
WIDTH = 32  # channels of the first layer; the second has twice as many
BATCH = 128  # images in a step
RATE = 0.003  # of AdamW, at its height
DECAY = 0.05  # pull of the weights towards zero
DROPOUT = 0.2  # tune: 0..0.6, the share of features that a step leaves out
SMOOTHING = 0.05  # tune: 0..0.3, the share of a label that is spread over all classes


class Reader(nn.Module):
    """Two convolutions, one hidden layer, one number for each class."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.second = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.hidden = nn.Linear(2 * width * 4, 4 * width)
        self.out = nn.Linear(4 * width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Grey values [B, 8, 8] in, scores [B, 10] out."""
        x = functional.max_pool2d(functional.relu(self.first(images[:, None])), 2)
        x = functional.max_pool2d(functional.relu(self.second(x)), 2)
        x = functional.dropout(functional.relu(self.hidden(x.flatten(1))), DROPOUT, self.training)
        return self.out(x)


def build_model(config: dict[str, int]) -> nn.Module:
    """The model that `config` describes, with fresh weights."""
    return Reader(config["width"])


def main() -> None:
    """Train until the deadline and save."""
    torch.manual_seed(harness.seed())
    config = {"width": WIDTH}
    model = build_model(config).to(harness.DEVICE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    steps, loss = 0, torch.zeros(())
    for images, labels in harness.examples(BATCH):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - harness.progress())
        loss = functional.cross_entropy(model(images), labels, label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
        harness.log(step=steps, loss=loss.item())
        if time.monotonic() >= harness.deadline():
            break
    images, labels = harness.training_rows()
    right = (model.eval()(images).argmax(1) == labels).float().mean().item()
    harness.save(model, config, {"steps": steps, "train_loss": loss.item(), "train_accuracy": right})
