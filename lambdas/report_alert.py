"""The alert that tells what an investigation found: a summary, where the report is, and what to do.

In the forms of ``alert``: one plain text for a person at 3 a.m., one JSON for chat and machines.

May touch: nothing.
Never: shows a whole key id, a secret, or untrusted text that was not made safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import alert, commands
from lambdas.investigation import summary
from lambdas.investigation.shown import shown
from lambdas.model import Outcome
from lambdas.text import line, title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.alert import Alert
    from lambdas.model import Json

SOURCE = "investigation"
_SEVERITY = 5.0


def compose(  # noqa: PLR0913  (what there is to tell)
    findings: Json, *, bucket: str, key: str, execution: str, at: str, late: Sequence[str] = ()
) -> Alert:
    """Write both forms. ``key`` is the report's in the evidence bucket; ``late`` is what a second look adds."""
    safe = shown(findings)
    case = line(safe["incident_id"], 60)
    region = (execution.split(":") + [""] * 4)[3]
    fetch = commands.fetch(region, bucket, key)
    text = summary.summary_text(findings, fetch)
    if late:
        text = alert.section("WHAT THE SECOND LOOK ADDS", list(late)) + "\n\n" + text
    outcome = safe["outcome"] if safe["outcome"] in set(Outcome) else Outcome.ANNOUNCED.value
    about = f"what was done in case {case}" if case else "what was done"
    head = f"{'Second look: ' if late else ''}{about}, {int(safe['counts']['events'])} events"
    rows = [
        ("Case", case or "none"),
        ("Report", f"s3://{bucket}/{key}"),
        ("Written", at),
        ("The run", f"(sign in to the account first)\n{alert.console(execution)}"),
    ]
    text = (
        text.rstrip("\n") + "\n\n" + "\n".join(["THE CASE", *(f"  {name:<9} {value}" for name, value in rows)]) + "\n"
    )
    data = {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": title(f"INVESTIGATED: {head}"),
            "description": "\n".join([summary.chat(findings), *(line(one, 300) for one in late)]),
        },
        "schema": alert.SCHEMA,
        "incident_id": case,
        "outcome": outcome,
        "mode": "unknown",
        "account": line(safe["account"], 20),
        "region": region,
        "severity": _SEVERITY,
        "title": line(f"Investigated: {head}"),
        "signal": {"source": SOURCE, "type": "report", "id": ""},
        "targets": [
            {"kind": one["kind"], "id": line(one["id"], 128), "name": line(one["name"], 64)} for one in safe["subjects"]
        ],
        "actions": [],
        "not_done": [line(one, 600) for one in (*late, *safe["unknown"])],
        "next_steps": [f"Read the report:\n{fetch}", *(line(one, 600) for one in safe["next_steps"])],
        "undo": "",
        "report": f"s3://{bucket}/{key}",
        "at": at,
    }
    return alert.forms(f"INVESTIGATED: {head}", text, f"INVESTIGATED: {head}. Report: s3://{bucket}/{key}", data)
