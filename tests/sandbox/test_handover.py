"""What a candidate may have written as its result: read into typed fields, or refused with a reason."""

from __future__ import annotations

import json

import pytest

from orchestrator.records import ResultFile
from orchestrator.sandbox.handover import RefusedResult, parse_handover

SOUND = '{"version": 1, "config": {"depth": 2, "rates": [0.5, null]}, "claims": {"steps": 7, "loss": 2}}'


def handed_over(result: str) -> bytes:
    """The trusted reader's reply about a result file with this text."""
    facts = {"result_sha256": "a" * 64, "weights_sha256": "b" * 64, "weights_bytes": 12}
    return json.dumps({"result": result, **facts}).encode()


def claiming(claims: str) -> str:
    return f'{{"version": 1, "config": {{}}, "claims": {claims}}}'


def configured(config: str) -> str:
    return f'{{"version": 1, "config": {config}, "claims": {{}}}}'


def test_a_sound_result_becomes_typed_fields() -> None:
    config = {"depth": 2, "rates": [0.5, None]}
    claims = {"steps": 7.0, "loss": 2.0}
    assert parse_handover(handed_over(SOUND)) == ResultFile(config, claims, "a" * 64, "b" * 64, 12)


def test_the_readers_own_refusal_is_handed_on() -> None:
    with pytest.raises(RefusedResult, match=r"model\.safetensors has 2 links"):
        parse_handover(b'{"refused": "model.safetensors has 2 links"}')


HOSTILE = {
    "nothing": ("", "not sound JSON"),
    "half": (SOUND[:-1], "not sound JSON"),
    "trailing text": (SOUND + "{}", "not sound JSON"),
    "single quotes": ("{'version': 1}", "not sound JSON"),
    "a byte order mark": ("\ufeff" + SOUND, "not sound JSON"),
    "a raw control character": (configured('{"a": "\x00"}'), "not sound JSON"),
    "a list": (f"[{SOUND}]", "not an object"),
    "a number": ("1", "not an object"),
    "null": ("null", "not an object"),
    "no keys": ("{}", "not version 1"),
    "version 2": (SOUND.replace("1,", "2,", 1), "not version 1"),
    "version true": (SOUND.replace("1,", "true,", 1), "not version 1"),
    "version as text": (SOUND.replace("1,", '"1",', 1), "not version 1"),
    "version as a fraction": (SOUND.replace("1,", "1.0,", 1), "not version 1"),
    "config as a list": (configured("[]"), "not version 1 with config and claims"),
    "config as null": (configured("null"), "not version 1 with config and claims"),
    "no claims": ('{"version": 1, "config": {}}', "not version 1 with config and claims"),
    "claims as a list": (claiming("[1]"), "not version 1 with config and claims"),
    "a key twice": (claiming('{"steps": 1, "steps": 2}'), "a key stands twice"),
    "an outer key twice": ('{"version": 1, "version": 1, "config": {}, "claims": {}}', "a key stands twice"),
    "NaN": (claiming('{"loss": NaN}'), "NaN is not a number"),
    "Infinity": (claiming('{"loss": -Infinity}'), "-Infinity is not a number"),
    "NaN in the config": (configured('{"rate": NaN}'), "NaN is not a number"),
    "1e999": (claiming('{"loss": 1e999}'), "no finite number"),
    "1e999 in the config": (configured('{"rate": -1e999}'), "too large"),
    "an integer beyond floats": (claiming(f'{{"steps": {10**400}}}'), "no finite number"),
    "an integer beyond parsing": (claiming(f'{{"steps": {"9" * 5000}}}'), "not sound JSON"),
    "true as a number": (claiming('{"steps": true}'), "no finite number: 'steps'"),
    "null as a number": (claiming('{"steps": null}'), "no finite number"),
    "text as a number": (claiming('{"steps": "7"}'), "no finite number"),
    "a list as a number": (claiming('{"steps": [7]}'), "no finite number"),
    "an empty name": (claiming('{"": 1}'), "no finite number: ''"),
    "a capital name": (claiming('{"Steps": 1}'), "no finite number"),
    "a name with a newline": (claiming('{"steps\\n": 1}'), r"no finite number: 'steps\\n'"),
    "a name with an escape": (claiming('{"\\u001b[2J": 1}'), r"no finite number: '\\x1b\[2J'"),
    "a name that is a formula": (claiming('{"=cmd()": 1}'), "no finite number"),
    "an endless name": (claiming(f'{{"{"a" * 41}": 1}}'), "no finite number"),
    "too many claims": (claiming(json.dumps({f"n{i}": i for i in range(33)})), "more than 32 claims"),
    "nesting beyond parsing": (configured("[" * 30_000 + "]" * 30_000), "not sound JSON"),
    "open nesting": ("[" * 60_000, "not sound JSON"),
    "nesting beyond copying": (configured(f'{{"a": {"[" * 300}{"]" * 300}}}'), "too deep"),
    "nested objects": (configured('{"a":' * 100 + "1" + "}" * 100), "too deep"),
    "half a character": (configured('{"a": "\\ud800"}'), "not Unicode"),
    "half a character as a key": (configured('{"\\udfff": 1}'), "not Unicode"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_result_is_refused_with_its_reason(name: str) -> None:
    text, reason = HOSTILE[name]
    with pytest.raises(RefusedResult, match=reason) as refusal:
        parse_handover(handed_over(text))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


def test_as_many_claims_as_allowed_and_deep_enough_for_any_model_are_accepted() -> None:
    claims = {f"n{i}": float(i) for i in range(32)}
    assert parse_handover(handed_over(claiming(json.dumps(claims)))).claims == claims
    config = json.loads('{"a":' * 20 + "1" + "}" * 20)
    assert parse_handover(handed_over(configured(json.dumps(config)))).config == config
