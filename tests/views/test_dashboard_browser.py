"""The dashboard in a real browser: live, by keyboard, on a phone, and with hostile text that stays text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from orchestrator.ledger.git import GitLedger
from tests.ledger.ledger_parts import (
    DISCARD,
    KEEP,
    ORIGIN,
    crashed,
    proposal,
    refused,
    run_night,
    scored,
    settle,
)
from tests.views.browsers import BROWSER, asked, chromium, severe, shown
from tests.views.dashboard_parts import Page, dashboard

pytestmark = BROWSER
PATIENCE = 30.0
HOSTILE = "<script>window.owned=1</script><img src=x onerror=window.owned=1>\x1b[2J\u202e\"' onmouseover='x"
MANY = 10_000
SHOWN = (
    "[...document.querySelectorAll('#rows .row')].map((row) => Number(row.dataset.n)).sort((a, b) => b - a)"
)
SELECTED = "document.querySelector('#rows [aria-selected=true]')?.dataset.n ?? ''"


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night with every kind of end, and hostile texts in each place."""
    runs = tmp_path_factory.mktemp("browser") / "runs"
    run_night(runs / "night")
    with GitLedger(runs / "night", ORIGIN) as ledger:
        settle(ledger, refused(ledger.open(proposal(4, proposer="agent:a", kind="tune"))), DISCARD)
        settle(ledger, crashed(ledger.open(proposal(5, proposer="agent:a"))), DISCARD)
        hostile = {"title": HOSTILE, "hypothesis": HOSTILE, "proposer": HOSTILE, "kind": HOSTILE}
        files = {"train.py": f"DEPTH = 9  # {HOSTILE}\n"}
        attempt = ledger.open(proposal(6, files=files, **hostile))  # type: ignore[arg-type]
        settle(ledger, scored(attempt, 2.25, log=f"{HOSTILE}\n"), DISCARD)
        ledger.open(proposal(7))
    return runs


@pytest.fixture(scope="module")
def page(runs: Path) -> Iterator[Page]:
    with dashboard(runs) as served:
        yield served


def until(browser: webdriver.Chrome, script: str) -> None:
    """Wait until an expression in the page is true."""
    WebDriverWait(browser, PATIENCE, 0.1).until(lambda _: asked(browser, script), script)


def opened(
    browser: webdriver.Chrome, page: Page, count: int = 7, width: int = 1200, scheme: str = "light"
) -> None:
    severe(browser)  # what another page left there
    shown(browser, page.address, width, scheme)
    until(browser, f"document.getElementById('count').textContent === '{count} attempts'")


def press(browser: webdriver.Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def text(browser: webdriver.Chrome, name: str) -> str:
    return str(asked(browser, f"document.getElementById('{name}').textContent"))


def test_the_page_begins_with_the_answer_and_has_the_newest_attempt_first(
    browser: webdriver.Chrome, page: Page
) -> None:
    opened(browser, page)
    assert text(browser, "answer").startswith("The best is 1.500000 bits per byte")
    assert asked(browser, SHOWN) == [7, 6, 5, 4, 3, 2, 1]
    assert "0003" in asked(browser, "document.getElementById('row-3').textContent")
    assert asked(browser, "document.getElementById('row-3').className") == "row keep"
    assert severe(browser) == []


def test_the_page_follows_a_ledger_that_is_being_written(browser: webdriver.Chrome, tmp_path: Path) -> None:
    with GitLedger(tmp_path / "runs/live", ORIGIN) as ledger, dashboard(tmp_path / "runs") as page:
        opened(browser, page, count=0)
        browser.execute_script("window.before = true")
        first = ledger.open(proposal(1))
        until(browser, "document.querySelector('#row-1 .outcome')?.textContent === 'open'")
        settle(ledger, scored(first, 2.0), KEEP)
        until(browser, "document.querySelector('#row-1 .outcome').textContent === 'keep'")
        assert "Nothing beat the baseline of 2.000000" in text(browser, "answer")
        press(browser, "j", Keys.ENTER)
        until(browser, "document.getElementById('view').textContent.includes('because')")
        settle(ledger, scored(ledger.open(proposal(2)), 1.0), KEEP)
        until(browser, "document.querySelector('#row-2 .outcome')?.textContent === 'keep'")
        until(browser, "document.getElementById('answer').textContent.startsWith('The best is 1.000000')")
        assert "attempt 0002: keep 1.000000" in text(browser, "news")
        assert "still running" in text(browser, "run")
        assert asked(browser, SELECTED) == "1"
        assert asked(browser, "window.before") is True


def test_a_page_finds_a_server_that_was_started_again(browser: webdriver.Chrome, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run_night(runs / "night")
    with dashboard(runs) as page:
        opened(browser, page, count=3)
        port = str(page.port)
    until(browser, "document.getElementById('link').textContent === 'reconnecting'")
    with GitLedger(runs / "night", ORIGIN) as ledger:
        settle(ledger, scored(ledger.open(proposal(4)), 1.0), KEEP)
    with dashboard(runs, "--port", port):
        until(browser, "document.querySelector('#row-4 .outcome')?.textContent === 'keep'")
        until(browser, "document.getElementById('link').textContent === 'connected'")
        assert text(browser, "count") == "4 attempts"


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("text", "DEPTH 3", [2]),
        ("text", "os is not allowed", [4]),
        ("text", "nothing like it", []),
        ("outcome", "keep", [3, 1]),
        ("outcome", "open", [7]),
        ("outcome", "refused", [4]),
        ("by", "agent:a", [5, 4]),
        ("kind", "tune", [4]),
    ],
)
def test_filters_leave_what_was_asked_for(
    browser: webdriver.Chrome, page: Page, name: str, value: str, left: list[int]
) -> None:
    opened(browser, page)
    script = "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
    browser.execute_script(script + "box.dispatchEvent(new Event('input', {bubbles: true}))", name, value)
    until(browser, f"document.getElementById('count').textContent === '{len(left)} of 7 attempts'")
    assert asked(browser, SHOWN) == left


def test_the_whole_page_is_worked_by_keyboard(browser: webdriver.Chrome, page: Page) -> None:
    opened(browser, page)
    press(browser, "j", "j", Keys.ARROW_DOWN)
    assert asked(browser, SELECTED) == "5"
    press(browser, "k")
    assert asked(browser, SELECTED) == "6"
    press(browser, Keys.END)
    assert asked(browser, SELECTED) == "1"
    press(browser, Keys.HOME, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
    until(browser, "document.getElementById('view').textContent.includes('proposed')")
    assert text(browser, "name") == "0003 depth 4"
    assert asked(browser, "document.activeElement.id") == "name"
    press(browser, Keys.TAB, Keys.TAB)
    assert asked(browser, "document.activeElement.id") == "tab-story"
    assert asked(browser, "getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(browser, Keys.ARROW_RIGHT)
    assert "+DEPTH = 4" in text(browser, "view")
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    until(browser, "document.getElementById('view').textContent.includes('settings that differ')")
    press(browser, Keys.ESCAPE)
    assert asked(browser, "document.getElementById('attempt').hidden") is True
    assert asked(browser, "document.activeElement.id") == "table"
    press(browser, "/", "jk")
    assert asked(browser, "document.activeElement.id") == "text"
    assert text(browser, "count") == "0 of 7 attempts"
    press(browser, Keys.ESCAPE)
    assert text(browser, "count") == "7 attempts"
    assert asked(browser, "document.activeElement.id") == "table"


def test_everything_that_can_be_worked_has_a_name_for_screen_readers(
    browser: webdriver.Chrome, page: Page
) -> None:
    opened(browser, page)
    press(browser, "j", Keys.ENTER)
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    worked = {"button", "searchbox", "combobox", "spinbutton", "grid", "tab", "tablist", "image", "row"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"] and node["role"]["value"] in worked
    ]
    assert {"grid", "tab", "combobox", "searchbox", "row", "button"} <= {role for role, _ in named}
    assert [role for role, name in named if not name] == []
    assert asked(browser, "document.getElementById('table').getAttribute('aria-activedescendant')") == "row-7"


def test_hostile_text_is_shown_as_it_stands_and_runs_nothing(browser: webdriver.Chrome, page: Page) -> None:
    opened(browser, page)
    browser.execute_script("document.getElementById('row-6').click()")
    until(browser, "document.getElementById('view').textContent.includes('hypothesis')")
    for short in ("by", "kind"):
        assert "<script>window.owned=1</script>" in text(browser, short)
    seen = [text(browser, "name"), text(browser, "view"), text(browser, "rows")]
    for tab in ("diff", "log", "compare"):
        browser.execute_script(f"document.getElementById('tab-{tab}').click()")
        until(browser, "document.getElementById('view').textContent.includes('onerror')")
        seen.append(text(browser, "view"))
    for shown_text in seen:
        assert "<script>window.owned=1</script><img src=x onerror=window.owned=1>" in shown_text
        assert not re.search("[\x1b\u202e]", shown_text)
    assert asked(browser, "window.owned === undefined")
    assert asked(browser, "document.querySelectorAll('img, iframe, [onerror], [onmouseover], a').length") == 0
    assert asked(browser, "document.scripts.length") == 1
    assert severe(browser) == []


def test_the_same_text_as_html_runs_where_no_policy_forbids_it(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.html"
    bare.write_text("<!doctype html><p id=p>", encoding="utf-8")
    shown(browser, bare.as_uri())
    browser.execute_script("document.getElementById('p').innerHTML = arguments[0]", HOSTILE)
    until(browser, "window.owned === 1")
    bare.write_text("<!doctype html><p id=answer>", encoding="utf-8")
    shown(browser, bare.as_uri())
    found = browser.execute_async_script(TRIED)
    assert (found["script"], found["text"], found["display"]) == ("run", "run", "none")
    assert "html" not in found


def test_the_policy_forbids_html_from_text_inline_script_and_eval(
    browser: webdriver.Chrome, page: Page
) -> None:
    opened(browser, page)
    found = browser.execute_async_script(TRIED)
    assert found["html"] == "TypeError"
    assert found["script"] == found["text"] == "not run"
    assert found["display"] == "flex"
    severe(browser)


def test_no_other_host_is_ever_asked(browser: webdriver.Chrome, page: Page) -> None:
    browser.get_log("performance")  # type: ignore[no-untyped-call]
    opened(browser, page)
    press(browser, "j", Keys.ENTER)
    until(browser, "document.getElementById('view').textContent.includes('proposed')")
    entries = browser.get_log("performance")  # type: ignore[no-untyped-call]
    messages = [json.loads(entry["message"])["message"] for entry in entries]
    asked_for = [
        each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"
    ]
    assert f"{page.address}main.js" in asked_for
    assert {urlsplit(url).netloc for url in asked_for} == {f"127.0.0.1:{page.port}"}


@pytest.mark.parametrize("width", [320, 390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_every_width_by_day_and_by_night(
    browser: webdriver.Chrome, page: Page, width: int, scheme: str
) -> None:
    opened(browser, page, width=width, scheme=scheme)
    paper = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]
    assert asked(browser, "getComputedStyle(document.body).backgroundColor") == paper
    assert asked(browser, "document.documentElement.scrollWidth") <= width
    assert asked(browser, "document.getElementById('table').getBoundingClientRect().height") >= 150
    assert asked(browser, f"[...{PIXELS}].length") > 3
    browser.execute_script("document.getElementById('row-6').click()")
    for tab in ("story", "diff", "log", "compare"):
        browser.execute_script(f"document.getElementById('tab-{tab}').click()")
        until(browser, "document.getElementById('view').textContent.includes('onerror')")
        assert asked(browser, "document.documentElement.scrollWidth") <= width
    box = asked(browser, "document.getElementById('attempt').getBoundingClientRect().toJSON()")
    assert (box["left"] == 0 and box["width"] == width) if width < 500 else box["left"] > width / 2


TRIED = """
  const ends = {script: 'not run', text: 'not run'}, done = arguments[0];
  const trial = (name, act) => { try { act(); } catch (error) { ends[name] = error.name; } };
  const put = (tag, words) => {
    const made = document.createElement(tag);
    made.append(words);
    document.head.append(made);
  };
  trial('html', () => { document.getElementById('answer').innerHTML = '<b>x</b>'; });
  trial('', () => put('script', 'window.owned = 1'));
  trial('', () => put('style', 'body { display: none }'));
  trial('', () => setTimeout('window.evaluated = 1'));
  setTimeout(() => {
    if (window.owned) ends.script = 'run';
    if (window.evaluated) ends.text = 'run';
    done({...ends, display: getComputedStyle(document.body).display});
  }, 300);
"""
PIXELS = """new Set(new Uint32Array(document.getElementById('chart').getContext('2d').getImageData(
    0, 0, document.getElementById('chart').width, document.getElementById('chart').height).data.buffer))"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Ten thousand attempts: a table of results is quick to make."""
    folder = tmp_path_factory.mktemp("many")
    lines = ["commit\tval_bpb\tmemory_gb\tstatus\tdescription"]
    for number in range(1, MANY + 1):
        value, status = (2 - number / MANY, "keep") if number % 50 == 1 else (2.5 - number / MANY, "discard")
        lines.append(f"{number:07x}\t{value:.6f}\t1.0\t{status}\tchange {number}")
    (folder / "many.tsv").write_text("\n".join(lines) + "\n")
    with dashboard(folder, "--results", str(folder / "many.tsv")) as served:
        yield served


def test_ten_thousand_attempts_take_few_elements_and_little_time(
    browser: webdriver.Chrome, many: Page
) -> None:
    opened(browser, many, count=MANY)
    assert asked(browser, SHOWN)[0] == MANY
    assert asked(browser, "document.querySelectorAll('*').length") < 1000
    press(browser, "j", Keys.END)
    until(browser, f"{SELECTED} === '1'")
    assert asked(browser, SHOWN)[-1] == 1
    assert asked(browser, "document.querySelectorAll('#rows .row').length") < 100
    slowest = browser.execute_async_script(SCROLLED)
    assert slowest < 1000
    press(browser, "/", "change 9999")
    until(browser, "document.getElementById('count').textContent === '1 of 10000 attempts'")
    assert asked(browser, SHOWN) == [9999]


SCROLLED = """
  const done = arguments[0], box = document.getElementById('table'), frames = [];
  let before = performance.now(), left = 60;
  function frame() {
    const now = performance.now();
    frames.push(now - before);
    before = now;
    if (left-- === 0) return done(Math.max(...frames));
    box.scrollTop = (left * 7919) % box.scrollHeight;
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
"""
