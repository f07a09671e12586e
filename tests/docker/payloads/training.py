"""A train.py that does whatever honest training does to the kernel, one thing after the other."""

# ruff: noqa: PLC0415
# mypy: ignore-errors
import os
import signal
import sys

import harness
import work


def compiled_training():
    os.environ["TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS"] = "0"  # for one graph they cost a minute more
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 2))
    optimizer, step = torch.optim.AdamW(model.parameters()), torch.compile(model)
    for _ in range(2):
        step(torch.ones(4, 8)).sum().backward()
        optimizer.step()


class Numbers:
    """A data set that spawned workers can import; a worker that is told so kills itself."""

    def __init__(self, deadly=False):
        self.deadly = deadly

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


def loaded(method, **options):
    from torch.utils.data import DataLoader

    loader = DataLoader(Numbers(), batch_size=2, num_workers=2, multiprocessing_context=method, **options)
    assert sum(len(batch) for batch in loader) == 8


def survive_a_dead_worker():
    from torch.utils.data import DataLoader

    try:
        list(DataLoader(Numbers(deadly=True), num_workers=1, timeout=20))
    except RuntimeError:
        return
    raise AssertionError("a dead worker went unnoticed")


def main():
    work.main()
    os.chdir("/work")
    sys.path.insert(0, "/work/candidate")
    compiled_training()
    loaded("fork", persistent_workers=True)
    loaded("spawn")
    survive_a_dead_worker()
    harness.log(done=1)
    print("all done")  # noqa: T201
