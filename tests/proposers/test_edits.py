"""A model's reply becomes files exactly, or a problem that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.proposers.prompt import REPLY_FORMAT
from orchestrator.proposers.replies import read_reply
from orchestrator.records import Proposal

SOURCE = """\
\"\"\"A sample.\"\"\"

DEPTH = 3
WIDTH = 64


def main():
    x = 1
    return x


def other():
    x = 1
    return x
"""
BASE = {"train.py": SOURCE}
DEEPER = SOURCE.replace("DEPTH = 3", "DEPTH = 4")

HEAD = "TITLE: deeper\nHYPOTHESIS: depth helps\n"
BLOCK = "<<<<<<< SEARCH\nDEPTH = 3\n=======\nDEPTH = 4\n>>>>>>> REPLACE\n"


def read(text: str, base: dict[str, str] = BASE) -> Proposal:
    return read_reply(text, base, proposer="openai")


def edits(*items: dict[str, object], title: str = "deeper") -> str:
    return json.dumps({"title": title, "hypothesis": "depth helps", "edits": list(items)})


GOOD = {
    "the plain form": f"{HEAD}train.py\n{BLOCK}",
    "no path, one file": HEAD + BLOCK,
    "a path in backticks": f"{HEAD}`train.py`\n{BLOCK}",
    "a path as a heading": f"{HEAD}### train.py\n\n{BLOCK}",
    "a path in bold with a colon": f"{HEAD}**train.py**:\n{BLOCK}",
    "a labelled path": f"{HEAD}File: train.py\n{BLOCK}",
    "a path in a sentence": f"{HEAD}In `train.py`, go deeper:\n{BLOCK}",
    "a fence around": f"{HEAD}train.py\n```python\n{BLOCK}```\n",
    "a fence around the path too": f"{HEAD}```\ntrain.py\n{BLOCK}```\n",
    "a fence without a path": f"{HEAD}```python\n{BLOCK}```\n",
    "a fence that is never closed": f"{HEAD}train.py\n```python\n{BLOCK}",
    "carriage returns": f"{HEAD}train.py\n{BLOCK}".replace("\n", "\r\n"),
    "trailing spaces": f"{HEAD}train.py  \n{BLOCK}".replace("SEARCH", "SEARCH  ").replace("= 3", "= 3   "),
    "longer markers": f"{HEAD}train.py\n{BLOCK}".replace("<<<<<<<", "<<<<<<<<").replace("====", "====="),
    "words before and after": f"Sure!\n{HEAD}train.py\n{BLOCK}\nThat is all.",
    "bold labels": f"**Title:** deeper\n**Hypothesis**: depth helps\ntrain.py\n{BLOCK}",
    "thinking first": f"<think>\ntrain.py\n{BLOCK.replace('4', '9')}</think>\n{HEAD}train.py\n{BLOCK}",
    "a whole file": f"{HEAD}train.py\n```python\n{DEEPER}```\n",
    "a whole file after a blank line": f"{HEAD}**train.py**\n\n```\n{DEEPER}```",
    "an example in a fence beside the block": f"{HEAD}Now:\n```\nDEPTH = 3\n```\n\ntrain.py\n{BLOCK}",
    "json search": edits({"path": "train.py", "search": "DEPTH = 3\n", "replace": "DEPTH = 4\n"}),
    "json part of a line": edits({"path": "train.py", "search": "TH = 3", "replace": "TH = 4"}),
    "json content": edits({"path": "train.py", "content": DEEPER}),
    "json in a fence": f"Here:\n```json\n{edits({'path': 'train.py', 'content': DEEPER})}\n```",
    "json after words": f"Here you are:\n{edits({'path': 'train.py', 'content': DEEPER})}",
    "json with raw newlines": edits({"path": "train.py", "content": DEEPER}).replace("\\n", "\n"),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_the_usual_ways_to_write_an_edit_give_the_same_file(text: str) -> None:
    proposal = read(text)
    assert proposal.problem == ""
    assert proposal.files == {"train.py": DEEPER}
    assert (proposal.title, proposal.hypothesis) == ("deeper", "depth helps")


BAD = {
    "empty": ("", "empty"),
    "blank": (" \n\r\n ", "empty"),
    "only thinking": ("<think>hm</think>", "empty"),
    "a refusal": ("I'm sorry, but I can't help with that.", "no edit"),
    "another language": ("Ich würde die Tiefe erhöhen.", "no edit"),
    "labels alone": (HEAD, "no edit"),
    "a fence without a path": (f"{HEAD}```python\n{DEEPER}```", "no path"),
    "two fences without a path": (f"{HEAD}```\na\n```\nor\n```\nb\n```", "no path"),
    "nowhere": (HEAD + BLOCK.replace("3", "7"), "nowhere"),
    "nowhere for its indentation": (HEAD + BLOCK.replace("DEPTH = 3", "  DEPTH = 3"), "nowhere"),
    "part of a line": (HEAD + BLOCK.replace("DEPTH = 3", "DEPTH ="), "nowhere"),
    "twice": (HEAD + BLOCK.replace("DEPTH = 3", "    x = 1").replace("DEPTH = 4", "    x = 2"), "2 times"),
    "json twice": (edits({"path": "train.py", "search": "x = 1", "replace": "x = 2"}), "2 times"),
    "json nowhere": (edits({"path": "train.py", "search": "y = 1", "replace": "x = 2"}), "nowhere"),
    "nothing changes": (HEAD + BLOCK.replace("4", "3"), "change nothing"),
    "the whole file unchanged": (f"{HEAD}train.py\n```\n{SOURCE}```", "change nothing"),
    "a block cut off": (HEAD + BLOCK[:40], "has no end"),
    "no divider": (HEAD + BLOCK.replace("=======\n", ""), "0 '=======' lines"),
    "two dividers": (HEAD + BLOCK.replace("=======", "=======\n======="), "2 '=======' lines"),
    "a block in a block": (HEAD + BLOCK.replace("DEPTH = 4", "<<<<<<< SEARCH"), "another one inside"),
    "an end alone": (f"{HEAD}>>>>>>> REPLACE\n", "belongs to no SEARCH"),
    "a whole file cut off": (f"{HEAD}train.py\n```python\n{DEEPER[:40]}", "not closed"),
    "a whole file cut by a fence inside": (
        f"{HEAD}train.py\n```python\n{DEEPER}\n'''\n```\nexample\n```\n'''\n```\n",
        "no path",
    ),
    "whole and edited": (f"{HEAD}train.py\n```\n{DEEPER}```\ntrain.py\n{BLOCK}", "given whole"),
    "whole twice": (f"{HEAD}train.py\n```\n{DEEPER}```\ntrain.py\n```\n{SOURCE}```", "given whole"),
    "a block among other text": (f"{HEAD}```\nhere it is\nand now\n{BLOCK}```", "mixes"),
    "search in a file that is not there": (f"{HEAD}model.py\n{BLOCK}", "no file 'model.py'"),
    "an empty search": (HEAD + BLOCK.replace("DEPTH = 3\n", ""), "is empty"),
    "half a json": (edits({"path": "train.py", "content": DEEPER})[:60], "is not"),
    "json without edits": ('{"title": "a", "hypothesis": "b"}', "no list 'edits'"),
    "json with no edit": (edits(), "no list 'edits'"),
    "json edit of a number": (edits({"path": "train.py", "content": 3}), "not a string"),
    "json edit without a path": (edits({"content": "x"}), "'path' is missing"),
    "json edit both ways": (edits({"path": "a", "content": "x", "search": "y", "replace": "z"}), "either"),
    "json edit as a string": ('{"edits": ["train.py"]}', "not an object"),
    "json with a key twice": ('{"title": "a", "title": "b", "edits": []}', "stands twice"),
    "json too deep": ('{"edits": ' + "[" * 100_000, "is not"),
    "json half a character": (edits({"path": "train.py", "content": "x = '\ud800'\n"}), "not valid Unicode"),
    "json path of half a character": (edits({"path": "\udfff", "content": "x\n"}), "not valid Unicode"),
    "too long": ("x" * 1_000_001, "more than"),
    "the prompt echoed": (REPLY_FORMAT, "nowhere"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD.keys())
def test_a_reply_that_is_not_clear_is_a_problem_and_no_files(text: str, words: str) -> None:
    proposal = read(text)
    assert proposal.files == {}
    assert words in proposal.problem
    assert "\n" not in proposal.problem
    proposal.problem.encode()
    proposal.title.encode()


NEAREST = {
    "one line of two": (
        ("DEPTH = 3", "DEPTH = 3\nWIDTH = 65"),
        "lines 3 to 4, where line 4 differs: 3 'DEPTH = 3', 4 'WIDTH = 64'; copy it exactly",
    ),
    "a line alone": (
        ("DEPTH = 3", "WIDTH = 65"),
        "nearest place is line 4, where line 4 differs: 4 'WIDTH = 64'",
    ),
    "white space": (("DEPTH = 3", "  DEPTH = 3"), "line 3, where only white space differs: 3 'DEPTH = 3'"),
    "the last line of a long one": (
        ("DEPTH = 3", "DEPTH = 3\nWIDTH = 64\n\n\ndef main():\n    x = 2"),
        "lines 3 to 8, where line 8 differs: 7 'def main():', 8 'x = 1' after 4 spaces; copy it exactly",
    ),
    "nothing like it": (
        ("DEPTH = 3", "~~~~"),
        "matches nowhere in 'train.py'; copy the lines to replace exactly",
    ),
}


@pytest.mark.parametrize(("change", "words"), NEAREST.values(), ids=NEAREST.keys())
def test_a_miss_shows_the_nearest_place_with_its_lines(change: tuple[str, str], words: str) -> None:
    assert words in read(HEAD + BLOCK.replace(*change)).problem


def test_a_kind_is_read_from_a_line_or_from_json_and_not_from_code() -> None:
    assert read(f"{HEAD}**Kind:** Model  Size\ntrain.py\n{BLOCK}").kind == "model size"
    assert read(HEAD + BLOCK.replace("DEPTH = 4", "KIND: str = 'x'")).kind == ""
    assert read(f"{HEAD}train.py\n```\nkind: int = 1\n```").kind == ""
    assert (
        read(json.dumps({"kind": "Schedule", "edits": [{"path": "a.py", "content": "x"}]})).kind == "schedule"
    )


def test_what_a_json_edit_leaves_null_is_not_given() -> None:
    given: dict[str, object] = {"path": "train.py", "search": None, "replace": None, "content": DEEPER}
    assert read(edits(given)).files == {"train.py": DEEPER}


def test_thinking_that_began_in_the_prompt_is_passed_over() -> None:
    assert read(f"Or {BLOCK} perhaps?\n</think>\n\n{HEAD}{BLOCK}").files == {"train.py": DEEPER}


@pytest.mark.parametrize("form", ["text", "json"])
def test_one_reply_edits_several_files(form: str) -> None:
    base = {"train.py": SOURCE, "model.py": "x = 1\n"}
    model = BLOCK.replace("DEPTH = 3", "x = 1").replace("DEPTH = 4", "x = 2")
    in_text = f"{HEAD}train.py\n{BLOCK}\nmodel.py\n{model}"
    in_json = edits(
        {"path": "train.py", "search": "DEPTH = 3\n", "replace": "DEPTH = 4\n"},
        {"path": "model.py", "content": "x = 2\n"},
    )
    reply = in_text if form == "text" else in_json
    assert read(reply, base).files == {"train.py": DEEPER, "model.py": "x = 2\n"}


def test_a_double_match_names_its_lines() -> None:
    twice = BLOCK.replace("DEPTH = 3", "    x = 1").replace("DEPTH = 4", "    x = 2")
    assert "lines 8, 13" in read(HEAD + twice).problem


def test_several_edits_apply_in_order_and_a_path_holds_for_the_blocks_after_it() -> None:
    more = BLOCK.replace("DEPTH = 3", "DEPTH = 4").replace("DEPTH = 4\n>", "DEPTH = 5\n>")
    deepest = SOURCE.replace("DEPTH = 3", "DEPTH = 5")
    assert read(f"{HEAD}train.py\n{BLOCK}\n{more}").files == {"train.py": deepest}


def test_one_bad_edit_among_good_ones_refuses_them_all() -> None:
    assert read(HEAD + BLOCK + BLOCK).files == {}


def test_lines_can_be_deleted_and_added() -> None:
    deleted = "<<<<<<< SEARCH\nDEPTH = 3\n=======\n>>>>>>> REPLACE\n"
    assert read(HEAD + deleted).files["train.py"] == SOURCE.replace("DEPTH = 3\n", "")
    added = BLOCK.replace("DEPTH = 4", "DEPTH = 3\nHEADS = 2")
    assert read(HEAD + added).files["train.py"] == SOURCE.replace("DEPTH = 3\n", "DEPTH = 3\nHEADS = 2\n")


def test_a_file_with_carriage_returns_keeps_them() -> None:
    base = {"train.py": SOURCE.replace("\n", "\r\n")}
    assert read(HEAD + BLOCK, base).files == {"train.py": DEEPER.replace("\n", "\r\n")}


def test_with_several_files_a_block_must_name_its_own() -> None:
    base = {"train.py": SOURCE, "model.py": "x = 1\n"}
    assert "several files" in read(HEAD + BLOCK, base).problem
    assert read(f"{HEAD}train.py\n{BLOCK}", base).files == {"train.py": DEEPER}


def test_a_reply_without_a_title_is_still_an_edit() -> None:
    assert read(BLOCK).title == "untitled change"
    assert read(BLOCK).files == {"train.py": DEEPER}


def test_title_and_hypothesis_are_one_printable_line() -> None:
    title = "a\u202eb\tkeep\n0.1\x1b[31mred"
    proposal = read(edits({"path": "train.py", "content": DEEPER}, title=title + "x" * 500))
    assert proposal.title.isprintable()
    assert len(proposal.title) <= 200


PATHS = [
    "../../.git/hooks/post-commit",
    "/etc/passwd",
    "C:\\Windows\\x.py",
    "train.py\x00",
    "train.py:stream",
    "TRAIN.PY",
    "./train.py",
    "a/../train.py",
    "~/x.py",
    "harness.py",
    ".git/config",
    "con.py",
    "train.py/",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_strange_path_is_passed_on_as_it_was_written_and_touches_no_disk(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read(f"{HEAD}{path}\n```\nx = 1\n```").files == {path: "x = 1\n"}
    assert read(edits({"path": path, "content": "x = 1"})).files == {path: "x = 1\n"}
    assert list(tmp_path.iterdir()) == []
