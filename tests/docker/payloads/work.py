"""What an honest training run does to the kernel; prints what came out as JSON. In a container."""

# ruff: noqa: S108, PLC0415, T201
# mypy: ignore-errors
import asyncio
import ctypes
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import threading
from multiprocessing import shared_memory
from pathlib import Path

SOURCE = '#include <thread>\n#include <cstdio>\nint main() { std::thread([] { puts("built"); }).join(); }\n'


def square(number):
    return number * number


def in_a_thread():
    seen = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start()
    thread.join()
    return seen


def in_workers(method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        return pool.map(square, [1, 2, 3])


def through_a_queue():
    queue, lock = multiprocessing.Queue(), multiprocessing.Semaphore(1)
    with lock:
        queue.put("sent")
    return queue.get()


def through_shared_memory():
    block = shared_memory.SharedMemory(create=True, size=64)
    block.buf[0] = 7
    value = block.buf[0]
    block.close()
    block.unlink()
    return value


def built_by_the_compiler():
    Path("a.cpp").write_text(SOURCE)
    subprocess.run(["g++", "-O1", "-pthread", "a.cpp", "-o", "a.out"], check=True)
    shutil.copytree(".", "/tmp/copy")
    return subprocess.run(["./a.out"], check=True, capture_output=True, text=True).stdout.strip()


def over_the_loopback():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client:
            return client.send(b"x")


async def started_by_asyncio():
    process = await asyncio.create_subprocess_exec("true")
    return await process.wait()


def compiled_by_torch():
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 2))
    rows = torch.ones(4, 8)
    with torch.no_grad():
        return torch.allclose(torch.compile(model)(rows), model(rows), atol=1e-5)


def loaded_by_workers():
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.arange(8)), batch_size=2, num_workers=2)
    return sorted(number for (batch,) in loader for number in batch.tolist())


def main():
    os.chdir("/work")
    if sys.argv[1:] == ["torch"]:
        return {"compile": compiled_by_torch(), "loader": loaded_by_workers()}
    return {
        "thread": in_a_thread(),
        "fork": in_workers("fork"),
        "spawn": in_workers("spawn"),
        "queue": through_a_queue(),
        "shared": through_shared_memory(),
        "built": built_by_the_compiler(),
        "loopback": over_the_loopback(),
        "asyncio": asyncio.run(started_by_asyncio()),
        "callback": ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)(),
    }


if __name__ == "__main__":
    print(json.dumps(main()))
