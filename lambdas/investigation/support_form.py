"""What AWS Support is told about a case, and what a dispute about the bill needs: a page, and the same as text.

It leaves the company, so it says what happened by calls, regions, addresses and ids of resources, and nothing that
findings say in free text: no names of principals, no ARNs, no tags, no policies, no agents beyond the tool's name.

May touch: nothing.
Never: shows a whole key id, a name of the company's that Support does not need, or claims a control that was not seen.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas.investigation import moments, page, words
from lambdas.investigation.page import NOTHING, Html, esc, items, join, table, tag, text
from lambdas.investigation.shown import shown
from lambdas.text import cell, redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambdas.investigation.shown import Json

_WIDTH = 88
_MOST_ENTRIES, _MOST_RESOURCES, _MOST_SOURCES, _MOST_BYTES = 60, 300, 40, 160_000
_REST = "the account's owner has them."
_TOOL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,30}(?:/[0-9][0-9A-Za-z.]{0,14})?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{3,45}|[a-z0-9-]+(?:\.[a-z0-9-]+){0,3}\.amazonaws\.com(?:\.cn)?|AWS Internal")
_RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=,@/-]{0,127}")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ()./&-]{0,80}")
_KEY = re.compile(r"…[A-Z0-9]{4}")
_TACTICS = re.compile(r"[A-Z][A-Za-z]*(?: [A-Za-z]+){0,4}")
_NOT_SHOWN = "(not shown)"
_MADE = ("done", "already")
_NOTABLE = 2
#: What an action is for Support, without whom it was done to.
_DONE = {
    "disable_key": "The access key was made inactive",
    "deny_principal": "Everything was denied to the principal of the key (AWSDenyAll)",
    "revoke_sessions": "The role's sessions were ended by a deny",
    "isolate_instance": "The instance was cut off by security groups",
    "stop_instance": "The instance was stopped",
    "take_profile": "The instance profile was taken away",
    "leave_groups": "The instance was detached from its Auto Scaling group",
    "leave_balancers": "The instance was deregistered from load balancers",
    "protect_instance": "The instance was protected from termination, to keep evidence",
    "lock_metadata": "The instance's metadata service was switched off",
    "snapshot_volumes": "The instance's volumes were snapshotted, to keep evidence",
    "record_instance": "The instance's settings were recorded",
    "collect_evidence": "Evidence was collected",
}
_TO_FILL = (
    "Contact name, telephone and time zone of the person to call",
    "How the credential came to be known to others, if you know",
    "That every resource listed here which you do not recognise has been removed, in every region",
    "That the access keys were deleted or rotated, and that the root user has MFA and a new password",
    "The charges that you dispute: service, region and amount, as the Bills page shows them",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """The form in plain text: sections of sentences and of rows. Both forms are written from it."""

    facts: Sequence[tuple[str, str]]
    sections: Sequence[_Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One section: sentences, then a table, where there are rows; ``rest`` rows were left out."""

    title: str
    sentences: Sequence[str] = ()
    caption: str = ""
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    rest: int = 0
    to_fill: Sequence[str] = ()


def support_html(findings: Mapping[str, Any]) -> str:
    """Write the form for AWS Support as one HTML page that stands alone."""
    form = _form(shown(findings))
    header = join(
        [
            text("p", "For AWS Support and for Billing", class_="over"),
            text("h1", "Unauthorised use of an AWS account"),
            page.facts(form.facts),
        ]
    )
    main = join(_part(number, part) for number, part in enumerate(form.sections, 1))
    footer = text(
        "p", "Times are UTC. Of an access key only its last four characters are given; ask for the rest by telephone."
    )
    return page.document(
        title="Unauthorised use of an AWS account", header=header, nav=NOTHING, main=main, footer=footer
    )


def support_text(findings: Mapping[str, Any]) -> str:
    """Write the form for AWS Support as plain text, to be pasted into a case."""
    form = _form(shown(findings))
    rows = ["UNAUTHORISED USE OF AN AWS ACCOUNT", "", *(f"{name + ':':<22} {value}" for name, value in form.facts)]
    for number, part in enumerate(form.sections, 1):
        rows += ["", f"{number}. {part.title.upper()}"]
        rows += [_wrapped(one, "   ") for one in part.sentences]
        rows += [_wrapped(" | ".join(one), "   * ", "     ") for one in part.rows]
        rows += [f"   {part.rest:,} more: {_REST}"] if part.rest else []
        rows += [_wrapped(f"[ ] {one}: ", "   ", "       ") for one in part.to_fill]
    return redact("\n".join(rows)) + "\n"


def _part(number: int, part: _Part) -> Html:
    body = [
        text("h2", f"{number}. {part.title}", id=f"h-{number}"),
        *(text("p", one) for one in part.sentences),
        table(part.caption, part.heads, part.rows, _cells, _MOST_BYTES),
        text("p", f"{part.rest:,} more: {_REST}", class_="note") if part.rest else NOTHING,
        items([esc(f"{one}: ____________________") for one in part.to_fill], class_="plain")
        if part.to_fill
        else NOTHING,
    ]
    return tag("section", join(body), aria_labelledby=f"h-{number}")


def _cells(row: Sequence[str]) -> list[Html]:
    return [esc(cell(one)) for one in row]


def _form(safe: Json) -> _Form:
    return _Form(
        facts=[
            ("Account", _plain(safe["account"]) or "not known"),
            ("Our case", _plain(safe["incident_id"]) or "none"),
            ("Looked at", f"{_time(safe['since'])} to {_time(safe['until'])} UTC"),
            ("Written", f"{_time(safe['made_at'])} UTC"),
        ],
        sections=[
            _about(safe),
            _timeline(safe),
            _evidence(safe),
            _resources(safe),
            _charges(safe),
            _actions(safe),
            _controls(safe),
            _Part(
                title="To be filled in by the owner of the account",
                sentences=["Nobody but you knows these. Claim only what you have done."],
                to_fill=_TO_FILL,
            ),
        ],
    )


def _about(safe: Json) -> _Part:
    counts = safe["counts"]
    ids = [one["id"] for one in safe["subjects"] if _KEY.fullmatch(one["id"])]
    keys = [f"the access key ending in {found[-4:]}" for found in ids]
    about = words.listed(keys, 3) or "credentials"
    were = "was" if len(keys) == 1 else "were"
    used = (
        f"Used for: {words.calls(safe)}, first at {_time(safe['first'])} and last at {_time(safe['last'])} UTC."
        if counts["events"]
        else "No call with them was found in the event history of CloudTrail."
    )
    return _Part(
        title="Summary",
        sentences=[
            f"We believe that {about} of this account {were} used by somebody who was not entitled to.",
            used,
            "We ask you to review the account with us, and the charges that this use has made.",
        ],
    )


def _timeline(safe: Json) -> _Part:
    entries = words.key_moments(safe, _MOST_ENTRIES)
    all_notable = sum(1 for one in safe["timeline"] if one["weight"] >= _NOTABLE)
    rows = [
        [
            _time(one["at"]),
            f"{_plain(one['service'].removesuffix('.amazonaws.com'))}:{_plain(one['name'])}",
            _plain(one["region"]) or "no region",
            _address(one["address"]),
            f"{max(one['count'], 1):,}",
            "made" if one["ok"] else f"refused {_plain(one['error'])}".strip(),
        ]
        for one in entries
    ]
    return _Part(
        title="Timeline",
        sentences=[] if rows else ["No call that changed something or that attackers are known for was found."],
        caption="Calls that changed something, or that attackers are known for",
        heads=("At (UTC)", "Call", "Region", "From", "Calls", "Result"),
        rows=rows,
        rest=max(all_notable - len(entries), 0),
    )


def _evidence(safe: Json) -> _Part:
    rows = [
        [
            _address(one["address"]),
            f"{one['events']:,}",
            f"{one['denied']:,}",
            _time(one["first"]),
            _time(one["last"]),
            words.listed(list(dict.fromkeys(_tool(agent) for agent in one["agents"])), 3) or "not given",
        ]
        for one in safe["sources"][:_MOST_SOURCES]
    ]
    tactics = sorted({tactic for one in safe["suspicious"] for tactic in one["tactics"] if _TACTICS.fullmatch(tactic)})
    sentences = [f"Calls were made that attackers are known for: {words.listed(tactics, 8)}."] if tactics else []
    made = sum(1 for one in safe["credentials"] if one["parent"])
    sentences += (
        [f"{words.number(made, 'more credential')} {'was' if made == 1 else 'were'} made from the first."]
        if made
        else []
    )
    sentences += [] if rows else ["No source address was found."]
    return _Part(
        title="Evidence of unauthorised use",
        sentences=sentences,
        caption="Source addresses of the calls",
        heads=("Address", "Calls", "Refused", "First (UTC)", "Last (UTC)", "Tool"),
        rows=rows,
        rest=max(len(safe["sources"]) - _MOST_SOURCES, 0),
    )


def _resources(safe: Json) -> _Part:
    ordered = sorted(safe["resources"], key=lambda one: (one["region"], one["kind"], one["id"]))
    rows = [
        [
            _plain(one["region"]) or "no region",
            _kind(one["kind"]),
            _resource(one["id"]),
            words.changed(one),
            _time(one["at"]),
        ]
        for one in ordered[:_MOST_RESOURCES]
    ]
    return _Part(
        title="Resources that were made, changed or removed",
        sentences=[] if rows else ["None was found."],
        caption="Resources by region",
        heads=("Region", "Kind", "Id", "Change", "At (UTC)"),
        rows=rows,
        rest=max(len(ordered) - _MOST_RESOURCES, 0),
    )


def _charges(safe: Json) -> _Part:
    cost = safe["cost"]
    if cost is None or not (cost["days"] or cost["services"]):
        return _Part(
            title="Charges", sentences=["The charges could not be seen when this was written: see the Bills page."]
        )
    currency = _plain(cost["currency"]) or "(no currency given)"
    rows = [
        [f"{_service(one['name'])}", f"{one['amount']:,.2f} {currency}"] for one in cost["services"][:_MOST_SOURCES]
    ]
    whole = sum(one["amount"] for one in cost["days"])
    said = f"The whole account cost {whole:,.2f} {currency} since {_day(cost['since'])}; not all of it is disputed."
    return _Part(
        title="Charges",
        sentences=[said, "Charges are complete about a day later."],
        caption="Cost of the whole account by service",
        heads=("Service", "Cost"),
        rows=rows,
        rest=max(len(cost["services"]) - _MOST_SOURCES, 0),
    )


def _actions(safe: Json) -> _Part:
    made = [one for one in safe["done"] if one["result"] in _MADE]
    rows = [
        [_time(one["at"]), _DONE.get(one["action"], "Another action was taken"), words.held(one["held"])]
        for one in made
    ]
    return _Part(
        title="Actions taken",
        sentences=[words.verdict(safe)[0]] if rows else ["No action was recorded when this was written."],
        caption="Actions of the responder",
        heads=("At (UTC)", "Action", "Read back afterwards"),
        rows=rows,
    )


def _controls(safe: Json) -> _Part:
    """Say which controls are in place: the findings' checks are sentences of ours, their details are not told."""
    rows = [
        [one["check"], {True: "yes", False: "not yet", None: "not known"}[one["ok"]]]
        for one in safe["posture"]
        if one["check"]
    ]
    own = (
        "An automatic responder (Tourniquet) watches this account; what it did in this case is listed above."
        if safe["done"]
        else ""
    )
    none = "" if rows else "The controls of the account were not looked at."
    return _Part(
        title="Preventive controls",
        sentences=[one for one in (own, none) if one],
        caption="Controls of the account",
        heads=("Control", "In place"),
        rows=rows,
    )


# ---- what may be said -------------------------------------------------------------------------


def _time(at: str) -> str:
    return moments.said(at) if moments.seconds(at) is not None else "not known"


def _day(at: str) -> str:
    return moments.day(at) if moments.seconds(at) is not None else "an unknown day"


def _plain(word: str) -> str:
    """Give a name that AWS gives (a call, a region, an error code, an account); anything else is not shown."""
    return word if _PLAIN.fullmatch(word) else _NOT_SHOWN if word else ""


def _kind(word: str) -> str:
    return _plain(word.replace(" ", "_")).replace("_", " ") or "resource"


def _address(word: str) -> str:
    return word if _ADDRESS.fullmatch(word) else _NOT_SHOWN if word else "not known"


def _resource(word: str) -> str:
    """Give a resource's id or its name, as Support needs it to find it."""
    return word if _RESOURCE.fullmatch(word) else _NOT_SHOWN if word else "not known"


def _service(word: str) -> str:
    return word if _SERVICE.fullmatch(word) else _NOT_SHOWN


def _tool(agent: str) -> str:
    """Give the name and version at an agent's beginning: what follows may name machines and people."""
    if agent == "AWS Internal":
        return agent
    found = _TOOL.match(agent.removeprefix("["))
    return found.group() if found else _NOT_SHOWN


def _wrapped(sentence: str, first: str, rest: str = "") -> str:
    return textwrap.fill(
        sentence, _WIDTH, initial_indent=first, subsequent_indent=rest or first, break_on_hyphens=False
    )
