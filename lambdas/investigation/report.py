"""The report of an investigation: one HTML page that stands alone, and the same findings as JSON.

The page loads nothing and runs nothing, reads on a phone and on paper, and says in words what could not be seen.

May touch: nothing.
Never: raises for findings that are not whole, shows a whole key id or a secret, or grows with what an attacker did.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lambdas.investigation import chapters, moments, page, words
from lambdas.investigation.page import NOTHING, Html, badge, esc, items, join, tag, text
from lambdas.investigation.shown import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.investigation.shown import Json

_OUTCOMES = {"CONTAINED": "good", "PARTIAL": "warn", "FAILED": "bad", "PENDING": "warn"}
_LOOKS = {1: ", first look", 2: ", second look"}
_CHAPTERS = (
    ("summary", "What happened", chapters.summary),
    ("done", "What was done, and whether it held", chapters.done),
    ("next", "Next steps", chapters.next_steps),
    ("timeline", "Timeline", chapters.timeline),
    ("credentials", "Credentials", chapters.credentials),
    ("resources", "Resources to review", chapters.resources),
    ("stock", "Other new things in the account", chapters.stock),
    ("suspicious", "Suspicious calls", chapters.suspicious),
    ("sources", "Where the calls came from", chapters.sources),
    ("denied", "What was refused", chapters.denied),
    ("logging", "Whether logging was touched", chapters.logging),
    ("principals", "Users and roles", chapters.principals),
    ("cost", "Cost", chapters.cost),
    ("posture", "How well the account is protected", chapters.posture),
    ("unknown", "What is not known", chapters.unknown),
)
_NOTE = (
    "Times are UTC. Of an access key only its last four characters are shown. Names, addresses and agents are what "
    "callers gave, and may be invented. CloudTrail's event history has management events only: reading or writing "
    "objects and other data events are not in it."
)


def report_json(findings: Mapping[str, Any]) -> str:
    """Write findings as JSON, made safe: no whole key id, no secret, every text one bounded line."""
    return json.dumps(shown(findings), ensure_ascii=False, indent=1)


def report_html(findings: Mapping[str, Any]) -> str:
    """Write the report as one HTML page, below 2 MB whatever was found."""
    safe = shown(findings)
    main = join(
        tag("section", Html(f"{text('h2', title, id=f'h-{name}')}{write(safe)}"), id=name, aria_labelledby=f"h-{name}")
        for name, title, write in _CHAPTERS
    )
    nav = items([tag("a", esc(title), href=f"#{name}") for name, title, _ in _CHAPTERS], "ol")
    written = f"Written by Tourniquet from {safe['schema'] or 'findings of an unknown shape'}."
    return page.document(
        title=f"Investigation of {safe['incident_id'] or 'a case'}",
        header=_header(safe),
        nav=tag("nav", nav, aria_label="Parts of the report"),
        main=main,
        footer=join([text("p", _NOTE), text("p", written)]),
    )


def _header(safe: Json) -> Html:
    outcome = badge(safe["outcome"], _OUTCOMES.get(safe["outcome"], "plain")) if safe["outcome"] else NOTHING
    held = {True: badge("held", "good"), False: badge("did not hold", "bad"), None: NOTHING}[safe["held"]]
    about = words.subject(safe)
    facts = [
        ("Case", safe["incident_id"] or "none"),
        ("Account", safe["account"] or "not known"),
        ("Looked at", _period(safe)),
        ("Written", _written(safe)),
    ]
    return join(
        [
            text("p", "Investigation report", class_="over"),
            text("h1", f"{about[:1].upper()}{about[1:]}" if about else safe["title"] or "A case without a name"),
            tag("p", join([outcome, held], " ")),
            page.facts(facts),
        ]
    )


def _period(safe: Json) -> str:
    if not (safe["since"] or safe["until"]):
        return "not known"
    return f"{moments.said(safe['since']) or 'the beginning'} to {moments.said(safe['until']) or 'the end'} UTC"


def _written(safe: Json) -> str:
    look = _LOOKS.get(safe["look"], "")
    return f"{moments.said(safe['made_at'])} UTC{look}" if safe["made_at"] else f"not known{look}"
