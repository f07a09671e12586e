"""report.html in a real browser: hostile text stays text, and the page fits a phone, by day and by night."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from orchestrator.views.report import make_report
from tests.views.test_report import HOSTILE, hostile_story

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium with its driver on this machine"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = Options()
    options.binary_location = CHROMIUM or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(make_report(hostile_story(), lambda _: f"+{HOSTILE}\n" + "+" + "x" * 10_000).html)
    return path


def shown(browser: webdriver.Chrome, page: Path, width: int = 1200, scheme: str = "light") -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())


def asked(browser: webdriver.Chrome, script: str) -> Any:
    return browser.execute_script(f"return {script}")


def test_hostile_text_runs_nothing_and_is_shown_as_it_stands(browser: webdriver.Chrome, page: Path) -> None:
    shown(browser, page)
    assert asked(browser, "window.owned === undefined")
    assert asked(browser, "document.scripts.length") == 0
    assert asked(browser, "document.images.length") == 1
    assert asked(browser, "document.querySelectorAll('[onmouseover], [onerror], a, iframe').length") == 0
    assert "<script>window.owned=1</script>" in asked(browser, "document.querySelector('h3').textContent")
    entries = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry for entry in entries if entry["level"] == "SEVERE"] == []


def test_the_same_text_unescaped_runs(browser: webdriver.Chrome, tmp_path: Path) -> None:
    bare = tmp_path / "bare.html"
    bare.write_text(f"<!doctype html><pre>{HOSTILE}", encoding="utf-8")
    shown(browser, bare)
    assert asked(browser, "window.owned") == 1


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_the_page_never_scrolls_sideways(browser: webdriver.Chrome, page: Path, width: int) -> None:
    shown(browser, page, width)
    assert asked(browser, "document.documentElement.scrollWidth") <= width


def test_each_width_and_scheme_has_its_own_picture_and_paper(browser: webdriver.Chrome, page: Path) -> None:
    pictures, papers = set(), set()
    for width in (390, 1200):
        for scheme in ("light", "dark"):
            shown(browser, page, width, scheme)
            assert asked(browser, "document.images[0].complete && document.images[0].naturalWidth") > 700
            pictures.add(asked(browser, "document.images[0].currentSrc"))
            papers.add(asked(browser, "getComputedStyle(document.body).backgroundColor"))
    assert len(pictures) == 4
    assert papers == {"rgb(255, 255, 255)", "rgb(20, 23, 26)"}


def test_the_page_prints_with_diffs_that_are_folded_on_the_screen(
    browser: webdriver.Chrome, page: Path
) -> None:
    shown(browser, page)
    unfolded = "document.querySelector('article.held .diff').checkVisibility()"
    assert asked(browser, unfolded) is False
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert asked(browser, unfolded) is True
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
