"""`python3 -m sandbox_image.bootstrap [environment|image|all|browser]`: do what is not done, side by side."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file must speak before it is too late
    sys.exit("Python 3.11 or newer is needed: name one with `make PYTHON=python3.11 ...`.")

from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from sandbox_image.bootstrap import base, browser, engine, environment, image, wheels
from sandbox_image.bootstrap.console import SetupError, say, stop_children

EXIT_SETUP = 2
TARGETS = ("environment", "image", "all", "browser")


def main() -> int:
    """Bring one target up to date; return 0, or 2 with one message."""
    target = sys.argv[1] if len(sys.argv) > 1 else "all"
    if target not in TARGETS:
        sys.exit(f"unknown target {target!r}: one of {', '.join(TARGETS)}")
    try:
        bring_up(target)
    except SetupError as fault:
        print(f"\nset-up stopped: {fault}", file=sys.stderr)  # noqa: T201
        return EXIT_SETUP
    except KeyboardInterrupt:
        stop_children()
        return 130
    return 0


def bring_up(target: str) -> None:
    """Run the steps in three lanes: environment, engine and base, wheels; the image joins the last two."""
    if target == "browser":
        browser.ensure()
        return
    if target == "environment":
        environment.create()
        environment.fill()
        return
    if engine.preflight() is engine.Reach.ANSWERS and image.is_ready():
        engine.ensure()
        _say_ready()
        if target == "all" or not environment.is_ready():
            bring_up("environment")
        return
    _side_by_side()


def _side_by_side() -> None:
    with ThreadPoolExecutor() as pool:
        created = pool.submit(environment.create)
        based = pool.submit(_engine_and_base)
        downloaded = pool.submit(_wheels, created)
        filled = pool.submit(_environment, created)
        built = pool.submit(_image, based, downloaded)
        lanes: list[Future[Any]] = [created, based, downloaded, filled, built]
        wait(lanes, return_when=FIRST_EXCEPTION)
        failed = [lane for lane in lanes if lane.done() and lane.exception()]
        if failed:
            stop_children()
            failed[0].result()


def _engine_and_base() -> str | None:
    engine.ensure()
    return None if image.has_framework() else base.ensure()


def _wheels(created: Future[None]) -> list[Path]:
    created.result()
    known = engine.reach() is engine.Reach.ANSWERS and image.has_framework()
    return [] if known else wheels.ensure()


def _environment(created: Future[None]) -> None:
    created.result()
    environment.fill()


def _say_ready() -> None:
    say(image.STEP, f"ready: {image.name()} matches its inputs")


def _image(based: Future[str | None], downloaded: Future[list[Path]]) -> None:
    found = downloaded.result()
    if below := based.result():
        image.join(below, found or wheels.ensure())
    if image.is_ready():
        _say_ready()
    else:
        image.build()


if __name__ == "__main__":
    sys.exit(main())
