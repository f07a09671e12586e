"""report.html as a parser reads it: the answer first, nothing from outside, and hostile text as text."""

from __future__ import annotations

import base64
import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from orchestrator.records import Action, Objection, Outcome
from orchestrator.story import AttemptStory, Chain, Story
from orchestrator.views.page import DIFF_LINES, MOST_ATTEMPTS, MOST_DIFFS, MOST_ROWS, diff_lines
from orchestrator.views.report import make_report
from tests.views.stories import attempt, happening, run, small_night, story

HOSTILE = (
    "</pre></title><script>window.owned=1</script><img src=x onerror=window.owned=1>{{ 7*7 }}{% raw %}"
    "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\u2066\u200b\x00\x9b31m\"' onmouseover='x"
)
DIFF = "--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-DEPTH = 1\n+DEPTH = 2\n"


@dataclass
class Dom(HTMLParser):
    """Every element with its attributes, and all text in order."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def parsed(page: str) -> Dom:
    dom = Dom()
    dom.feed(page)
    dom.close()
    return dom


def page_of(told: Story, diff: str = DIFF) -> str:
    return make_report(told, lambda _: diff, folder="runs/night").html.decode()


@pytest.fixture(scope="module")
def page() -> Dom:
    return parsed(page_of(small_night(happenings=(happening("fault_occurred", message="the engine"),))))


def test_the_page_begins_with_the_answer_and_what_needs_a_person(page: Dom) -> None:
    body = page.text
    answer, needed = (
        body.index("The best is 1.800000"),
        body.index("A person is needed: attempt 0006 is held"),
    )
    assert answer < needed < body.index("Kept changes") < body.index("Policy and machine")


def test_the_page_shows_each_part_of_the_story(page: Dom) -> None:
    for said in (
        "0002 title 2",
        "1.900000 ± 0.014142, 0.100000 better than the best before",
        "holdout gap +0.050000",
        "diff against attempt 0001",
        "+DEPTH = 2",
        "Held for a person",
        "too good to be true",
        "train.py:3: socket is not allowed [import]",
        "crashed",
        "tokens 3,850",
        "dollars 1.75",
        "fault_occurred",
        f"digest {'d' * 64}",
        "files: [train.py]",
        "Verified when this was made: 9 events",
        "autoresearch audit show 7 --tag night",
        "autoresearch export --tag night --branch night --repo PATH",
        "git --git-dir runs/night/repo.git show best",
    ):
        assert said in page.text, said


def test_nothing_comes_from_outside_and_nothing_runs(page: Dom) -> None:
    names = {name for name, _ in page.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base", "a", "svg"}
    sources = [
        attributes.get("src") or attributes.get("srcset") for attributes in page.of("img") + page.of("source")
    ]
    assert len(sources) == 4
    for source in sources:
        assert source is not None
        kind, _, data = source.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
    style = page_of(story()).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(each["content"] for each in page.of("meta") if each.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:")


def hostile_attempt(number: int, action: Action, status: str = "scored") -> AttemptStory:
    value = 2.0 - number / 10 if status == "scored" else None
    return AttemptStory(
        number,
        HOSTILE,
        status,
        hypothesis=HOSTILE,
        proposer=HOSTILE,
        problem=HOSTILE,
        commit=HOSTILE,
        objections=(Objection(HOSTILE, HOSTILE, HOSTILE, 3),),
        runs=(run(value, reason=HOSTILE, outcome=HOSTILE, status=status),),
        action=action,
        reason=HOSTILE,
        kind=HOSTILE,
    )


def hostile_story() -> Story:
    ends = [
        (Action.DISCARD, status) for status in ("refused", "unscored", Outcome.CRASHED, HOSTILE, "scored")
    ]
    fates = [(Action.KEEP, "scored"), (Action.KEEP, "scored"), (Action.HOLD, "scored"), *ends]
    attempts = [hostile_attempt(number, *fate) for number, fate in enumerate(fates, start=1)]
    besides = (dataclasses.replace(happening(HOSTILE), fields={HOSTILE: HOSTILE, "n": {"deep": [HOSTILE]}}),)
    sitting = dataclasses.replace(small_night().sittings[0], proposer=HOSTILE, reason=HOSTILE)
    return story(
        *attempts,
        happenings=besides,
        chain=Chain(9, HOSTILE, HOSTILE),
        policy=HOSTILE,
        policy_digest=HOSTILE,
        task=HOSTILE,
        version=HOSTILE,
        sittings=(
            dataclasses.replace(
                sitting,
                facts=dict.fromkeys(("image", "data_sha256"), HOSTILE)
                | {"gpu": {"name": HOSTILE}, "versions": {"driver": HOSTILE}},
            ),
        ),
    )


def test_hostile_text_stays_text_wherever_it_stands() -> None:
    hostile = parsed(page_of(hostile_story(), f"+{HOSTILE}\n"))
    plain = parsed(page_of(small_night()))
    assert {name for name, _ in hostile.elements} <= {name for name, _ in plain.elements} | {"br"}
    assert len(hostile.of("img")) == 1
    assert not any(name.startswith("on") for _, attributes in hostile.elements for name in attributes)
    assert hostile.text.count("<script>window.owned=1</script>") > 20
    assert "{{ 7*7 }}" in hostile.text
    for character in "\x1b\x07\u202e\u2066\u200b\x00\x9b":
        assert character not in hostile.text


def test_the_same_text_unescaped_would_be_elements() -> None:
    dom = parsed(f"<pre>{HOSTILE}</pre>")
    assert dom.of("script")
    assert any(name == "onerror" for each in dom.of("img") for name in each)


def test_giant_lines_and_giant_diffs_are_cut_and_say_so() -> None:
    lines = diff_lines("+" + "x" * 1_000_000 + "\n")
    assert max(len(line.text) for line in lines) <= 300
    many = diff_lines("".join(f"+line {number}\n" for number in range(5000)))
    assert len(many) == DIFF_LINES + 1
    assert many[-1].text == "[4600 more lines]"
    long = attempt(1, 2.0, action=Action.KEEP, title="t" * 10**6, reason="r" * 10**6, hypothesis="h" * 10**6)
    assert len(page_of(story(long, dataclasses.replace(long, number=2)), "+" + "x" * 10**6)) < 600_000


def many_attempts(count: int) -> Story:
    ends: list[Callable[[int], AttemptStory]] = [
        lambda number: attempt(number, 2.0 - number / 10**5, action=Action.KEEP),
        lambda number: attempt(number, 2.5),
        lambda number: attempt(number, None),
        attempt,
    ]
    turns = itertools.cycle(ends)
    return story(*(next(turns)(number) for number in range(1, count + 1)))


def test_long_tables_keep_their_newest_rows_and_say_so() -> None:
    asked: list[int] = []

    def diff_of(kept: AttemptStory) -> str:
        asked.append(kept.number)
        return DIFF

    html = make_report(many_attempts(4000), diff_of).html
    text = parsed(html.decode()).text
    assert len(asked) == MOST_DIFFS
    assert min(asked) > 3800
    for total, what in ((999, "kept changes"), (1000, "refused attempts"), (1000, "such attempts")):
        assert f"The newest {MOST_ROWS} of {total} {what} are shown" in text
    assert f"The newest {MOST_ATTEMPTS} of 4000 attempts are shown" in text
    assert "autoresearch audit show --outcome refused --tag night shows all" in text
    assert len(html) < 2_000_000


def test_a_broken_chain_is_said_first_and_again_where_the_record_is_told() -> None:
    text = parsed(page_of(small_night(chain=Chain(6, "a" * 64, "audit.jsonl line 7: was changed")))).text
    assert "the record is broken: audit.jsonl line 7: was changed" in text
    assert "Broken: audit.jsonl line 7: was changed. What stands above rests on the 6 events" in text
    assert "Verified when" not in text


@pytest.mark.parametrize(
    "told", [story(), story(sittings=(), chain=None, created=None, policy=""), small_night(in_progress=True)]
)
def test_a_night_with_hardly_anything_has_a_page(told: Story) -> None:
    assert "Kept changes" in parsed(page_of(told)).text
