"""`policy explain`: every key with its value, its origin and its flags, in plain words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.assembly import DEFAULT_POLICY, SECCOMP
from orchestrator.policy.comparing import shown
from orchestrator.policy.layers import PolicyFile, PolicyKey, keys_of_a_policy, load_policy
from orchestrator.policy.reading import EXAMPLE, Place
from orchestrator.policy.schema import comments
from orchestrator.policy.sections import Policy, SandboxPolicy
from orchestrator.sandbox.container import Outfit
from orchestrator.sandbox.flags import Flag, flags_by_key, run_flags, volume_flags

WIDTH = 110
_PROFILE = "policies/seccomp.json"
_INDENT = " " * 6
_CARD = {
    "auto": "the GPU, by its identity, where there is one",
    "nvidia": "one NVIDIA card, by its identity",
    "amd": "one AMD card's device nodes",
}


def explain(file: PolicyFile) -> Iterator[str]:
    """Lines for a person. Raises SetupError for a policy that is not sound."""
    policy = file.sound()
    yield from _keys(file, policy, list(keys_of_a_policy()))
    yield from ("", *_container(example_outfit(policy.sandbox)))


def explain_changed(file: PolicyFile) -> Iterator[str]:
    """The same of those keys alone whose value is not the default policy's, with that value beside it."""
    policy, default = file.sound(), load_policy(DEFAULT_POLICY)
    keys = [key for key in keys_of_a_policy() if key.value_in(policy) != key.value_in(default)]
    yield from _keys(file, policy, keys, default)
    if not keys:
        yield f"every value is that of {EXAMPLE}"


def _keys(
    file: PolicyFile, policy: Policy, keys: Iterable[PolicyKey], default: Policy | None = None
) -> Iterator[str]:
    words, flags = comments(DEFAULT_POLICY), flags_by_key(example_outfit(policy.sandbox), _PROFILE)
    yield f"{' over '.join(map(str, file.files))}: digest {policy.digest[:12]}"
    section = ""
    for key in keys:
        if key.section != section:
            section = key.section
            yield from ("", *_wrapped(f"{section}: {words[section,]}", ""))
        yield from _key_lines(file, policy, key, words)
        if default:
            yield from _wrapped(f"by default: {shown(key.value_in(default))}", _INDENT)
        if key.section == "sandbox":
            yield from _wrapped("  ".join(flags[key.name]), _INDENT)


def example_outfit(policy: SandboxPolicy) -> Outfit:
    """What containers get by this section on a machine that has room for it, the card aside."""
    seccomp = SECCOMP.read_text(encoding="utf-8")
    return Outfit("IMAGE", policy, seccomp, policy.cpus, {}, data_volume="DATA")


def _key_lines(file: PolicyFile, policy: Policy, key: PolicyKey, words: Mapping[Place, str]) -> Iterator[str]:
    value, origin = shown(key.value_in(policy)), file.origin_of(key.place)
    exact = origin if key.place in file.origins else None
    head = f"  {key.name}: {value}"
    where = f"({exact or 'built in'})"
    if len(head) + len(where) < WIDTH:
        yield f"{head}  {where}"
    else:
        yield from (f"  {key.name}:  {where}", *_wrapped(value, _INDENT))
    yield from _wrapped(words[key.place], _INDENT)


def _wrapped(text: str, indent: str) -> Sequence[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _container(outfit: Outfit) -> Iterator[str]:
    """The flags of the containers, from the code that makes them."""
    training = run_flags(outfit, outfit.training, _PROFILE)
    yield "Keys without a flag are held by the host: its clock, its gate, its scorer."
    yield "The container that trains is made as if by"
    yield "  docker run  (with the image, and the runner's mode, behind these)"
    yield from _columns(training)
    if card := _CARD.get(outfit.policy.device):
        yield f"    and {card}"
    yield "  docker volume create --driver=local"
    yield from _columns(volume_flags(outfit.policy, outfit.user))
    serving = run_flags(outfit, outfit.serving, _PROFILE)
    yield "The container that loads the model differs by"
    yield from (f"    not {flag.text}" for flag in training if flag not in serving)
    yield from (f"    but {flag.text}" for flag in serving if flag not in training)


def _columns(flags: Sequence[Flag]) -> Iterator[str]:
    """Each flag; what several have in common is said at the first."""
    said = ""
    for flag in flags:
        words = "" if flag.words == said else f"# {flag.words}"
        yield f"    {flag.text:<44}  {words}".rstrip()
        said = flag.words
