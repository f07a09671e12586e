"""report.html in a real browser: hostile text stays text, and the page fits a phone, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from orchestrator.views.report import make_report
from tests.views.browsers import BROWSER, asked, chromium, severe, shown
from tests.views.test_report import HOSTILE, hostile_story

pytestmark = BROWSER


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(make_report(hostile_story(), lambda _: f"+{HOSTILE}\n" + "+" + "x" * 10_000).html)
    return path


def test_hostile_text_runs_nothing_and_is_shown_as_it_stands(browser: webdriver.Chrome, page: Path) -> None:
    shown(browser, page.as_uri())
    assert asked(browser, "window.owned === undefined")
    assert asked(browser, "document.scripts.length") == 0
    assert asked(browser, "document.images.length") == 1
    assert asked(browser, "document.querySelectorAll('[onmouseover], [onerror], a, iframe').length") == 0
    assert "<script>window.owned=1</script>" in asked(browser, "document.querySelector('h3').textContent")
    assert severe(browser) == []


def test_the_same_text_unescaped_runs(browser: webdriver.Chrome, tmp_path: Path) -> None:
    bare = tmp_path / "bare.html"
    bare.write_text(f"<!doctype html><pre>{HOSTILE}", encoding="utf-8")
    shown(browser, bare.as_uri())
    assert asked(browser, "window.owned") == 1


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_the_page_never_scrolls_sideways(browser: webdriver.Chrome, page: Path, width: int) -> None:
    shown(browser, page.as_uri(), width)
    assert asked(browser, "document.documentElement.scrollWidth") <= width


def test_each_width_and_scheme_has_its_own_picture_and_paper(browser: webdriver.Chrome, page: Path) -> None:
    pictures, papers = set(), set()
    for width in (390, 1200):
        for scheme in ("light", "dark"):
            shown(browser, page.as_uri(), width, scheme)
            assert asked(browser, "document.images[0].complete && document.images[0].naturalWidth") > 700
            pictures.add(asked(browser, "document.images[0].currentSrc"))
            papers.add(asked(browser, "getComputedStyle(document.body).backgroundColor"))
    assert len(pictures) == 4
    assert papers == {"rgb(255, 255, 255)", "rgb(20, 23, 26)"}


def test_the_page_prints_with_diffs_that_are_folded_on_the_screen(
    browser: webdriver.Chrome, page: Path
) -> None:
    shown(browser, page.as_uri())
    unfolded = "document.querySelector('article.held .diff').checkVisibility()"
    assert asked(browser, unfolded) is False
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert asked(browser, unfolded) is True
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
