"""The report as a mail: at most 60 lines of 88 letters, and the few sentences of it that go to a chat.

May touch: nothing.
Never: raises for findings that are not whole, shows a whole key id or a secret, or grows with what an attacker did.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from lambdas.investigation import moments, words
from lambdas.investigation.shown import shown
from lambdas.text import cell, line, markdown, redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambdas.investigation.shown import Json

_WIDTH, _MOST_LINES = 88, 60
_SENTENCE, _MOMENTS, _STEPS, _ALIVE, _REGIONS, _UNKNOWN = 240, 6, 5, 4, 5, 3


def summary_text(findings: Mapping[str, Any], where: str = "") -> str:
    """Write the summary for a mail.

    ``where`` is where the whole report is; it stands on a line of its own, which is never folded or cut.
    """
    safe = shown(findings)
    head = f"INVESTIGATED: {words.subject(safe) or safe['title'] or 'a case without a name'}."
    sections = [
        _wrapped(line(head, _SENTENCE)),
        _section("WHAT HAPPENED", words.what_happened(safe)),
        _section("WHAT WAS DONE", [words.verdict(safe)[0]]),
        _section("STILL ALIVE", _alive(safe)),
        _section("KEY MOMENTS (UTC)", [_moment(one) for one in words.key_moments(safe, _MOMENTS)]),
        _section("RESOURCES TO REVIEW", _regions(safe)),
        _section("LOGGING", _logging(safe)),
        _numbered("WHAT TO DO NEXT", _first(safe["next_steps"], _STEPS, "step")),
        _section("WHAT IS NOT KNOWN", _first(safe["unknown"], _UNKNOWN, "thing")),
    ]
    facts = _facts(safe, where)
    text = "\n\n".join(section for section in sections if section).split("\n")
    room = _MOST_LINES - len(facts) - 1
    if len(text) > room:
        text = [*text[: room - 1], "  (shortened: the report has all of it)"]
    return redact("\n".join([*text, "", *facts])) + "\n"


def chat(findings: Mapping[str, Any]) -> str:
    """Write the three sentences of what happened for a chat, where no name of a caller's is formatting or a mention."""
    safe = shown(findings)
    return "\n".join([*(markdown(one) for one in words.what_happened(safe)), f"*{markdown(words.verdict(safe)[0])}*"])


def _alive(safe: Json) -> list[str]:
    alive = words.still_active(safe)
    said = [
        f"{one['id']} ({one['kind'].replace('_', ' ')}) of {one['name'] or one['principal'] or 'nobody known'}"
        for one in alive
    ]
    return _first(said, _ALIVE, "credential")


def _moment(one: Json) -> str:
    return f"{moments.said(one['at'])}  {line(one['name'], 60)}: {line(words.entry(one), 140)}"


def _regions(safe: Json) -> list[str]:
    regions: dict[str, list[str]] = {}
    for one in safe["resources"]:
        regions.setdefault(one["region"] or "no region", []).append(f"{one['kind']} {one['id']}".strip())
    ordered = sorted(regions, key=lambda region: (-len(regions[region]), region))
    return _first([f"{region}: {words.listed(regions[region], 3)}" for region in ordered], _REGIONS, "region")


def _logging(safe: Json) -> list[str]:
    worked = [one for one in safe["logging"] if one["ok"]]
    if worked:
        return [f"Logging was changed ({words.listed([one['name'] for one in worked], 3)}): calls may be missing here."]
    return ["Somebody tried to change logging and was refused."] if safe["logging"] else []


def _facts(safe: Json, where: str) -> list[str]:
    rows = [
        ("Case", safe["incident_id"] or "none"),
        ("Account", safe["account"] or "not known"),
        ("Outcome", f"{safe['outcome'] or 'not known'}, {words.held(safe['held'])}"),
        ("Written", f"{moments.said(safe['made_at']) or 'not known'} UTC"),
    ]
    facts = ["THE CASE", *(f"  {name:<9} {cell(value, _WIDTH - 12)}" for name, value in rows)]
    return [*facts, "  The report", where] if where else facts


def _first(sentences: Sequence[str], most: int, one: str) -> list[str]:
    """Take the first of some sentences, and say how many more there are."""
    rest = len(sentences) - most
    return [*sentences[:most], f"{words.number(rest, f'more {one}')}: see the report."] if rest > 0 else list(sentences)


def _wrapped(sentence: str, first: str = "", rest: str = "") -> str:
    """Fold prose; a word that is longer than a line is broken."""
    return textwrap.fill(sentence, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _section(heading: str, sentences: Sequence[str]) -> str:
    lines = [_wrapped(cell(sentence, _SENTENCE), "  - ", "    ") for sentence in sentences if sentence]
    return "\n".join([heading, *lines]) if lines else ""


def _numbered(heading: str, steps: Sequence[str]) -> str:
    lines = [_wrapped(cell(step, _SENTENCE), f"  {number}. ", "     ") for number, step in enumerate(steps, 1)]
    return "\n".join([heading, *lines]) if lines else ""
