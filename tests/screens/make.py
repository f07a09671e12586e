"""The README's pictures, of a real run: `python -m tests.screens.make`, about three minutes on two cores.

It starts the demo on a terminal of its own and keeps what a person would see there while an attempt trains;
then a browser opens the report that the run ended with. `--dashboard URL` pictures a page that is served.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.terminal import Programme, Terminal

FOLDER = Path(__file__).parent
RUNS = Path("runs")
COLUMNS, ROWS = 108, 24
RUN = ["-m", "orchestrator", "run", "--policy", "policies/demo.yaml", "--proposer", "tuner"]
_FONTS_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_GOING = re.compile(r"trains .* ([1-9]) s left")


def picture_console(tag: str, experiments: int) -> None:
    """Run the demo, and keep the terminal as it is near the end of the last attempt's training."""
    arguments = [*RUN, "--tag", tag, "--experiments", str(experiments)]
    programme = Programme(arguments, terminal=Terminal(COLUMNS, ROWS))
    try:
        programme.until(lambda terminal: _is_last(terminal, experiments), seconds=900)
        (FOLDER / "console.svg").write_text(as_svg(programme.terminal, "autoresearch run"), encoding="utf-8")
        if code := programme.finish(120):
            raise SystemExit("\n".join([f"the demo ended with {code}:", *programme.terminal.lines]))
    finally:
        programme.kill()


def _is_last(terminal: Terminal, experiments: int) -> bool:
    text = "\n".join(terminal.lines)
    return f"\n{experiments:04d} " in text and bool(_GOING.search(text))


def as_svg(terminal: Terminal, title: str) -> str:
    """The visible rows as a drawing that needs no font from elsewhere."""
    console = Console(record=True, width=terminal.columns, file=io.StringIO(), force_terminal=True)
    for row in terminal.visible:
        console.print(Text.from_ansi(row.styled()), no_wrap=True, crop=True)
    drawing = _FONTS_FROM_ELSEWHERE.sub("", console.export_svg(title=title))
    return drawing.replace("Fira Code", "ui-monospace, Menlo, Consolas")


def picture_page(url: str, name: str, width: int, height: int) -> None:
    """What a browser shows of a page before anybody scrolls."""
    options = Options()
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--hide-scrollbars",
        f"--window-size={width},{height}",
    ):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver") or ""))
    try:
        browser.get(url)
        time.sleep(1.0)  # a page that draws by itself
        browser.save_screenshot(str(FOLDER / name))
    finally:
        browser.quit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="picture the report of this run, and start none")
    parser.add_argument("--dashboard", metavar="URL", help="picture this page too")
    parser.add_argument("--experiments", type=int, default=6)
    given = parser.parse_args()
    folder = given.run
    if folder is None:
        tag = time.strftime("screens-%m%d-%H%M")
        picture_console(tag, given.experiments)
        folder = RUNS / tag
    picture_page((folder / "report.html").resolve().as_uri(), "report.png", 1000, 900)
    if given.dashboard:
        picture_page(given.dashboard, "dashboard.png", 1200, 900)


if __name__ == "__main__":
    main()
