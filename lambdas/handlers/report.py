"""Report: put together what an investigation found, write the report into the evidence bucket, and tell people.

Input: ``{"opened": <what Investigate gave>, "round": <the last round>, "silent": [<region>, …], "cut": <look-ups that
were cut>, "held": <see holding.Held> | null, "problems": [<sentence>, …], "execution": "<ARN>"}``, or ``{"refused":
"<sentence>", "incident_id", "execution"}``. Output: ``{"incident_id", "report": "s3://…", "found": [{"kind", "id",
"name", "region", "why", "proof"}, …], "batches": [{"number", "found"}, …], "told": true | false}``, or ``{"refused":
"<sentence>", "incident_id"}``.

May touch: what ``investigation.standing`` reads, listed in its GRANTS; dynamodb:GetItem, dynamodb:Query and
dynamodb:UpdateItem on the incident table; s3:GetObject, s3:ListBucket and s3:PutObject on the evidence bucket;
sns:Publish on the alert topic.
Never: changes anything in the account; tells the same twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lambdas import alert, aws, errors, journal, report_alert
from lambdas.alert import Notice
from lambdas.handlers import environment, topic
from lambdas.investigation import late, parts, report, request, rounds, standing, summary, support_form
from lambdas.investigation.asking import Deadline
from lambdas.investigation.findings import Case
from lambdas.investigation.kinds import KINDS, Resource
from lambdas.investigation.lookback import MOST_EVENTS
from lambdas.investigation.parts import Shelf
from lambdas.journal import Table
from lambdas.model import Kind, Outcome
from lambdas.planning import MOST_INSTANCES
from lambdas.signals.reading import MOST_TARGETS
from lambdas.targets import describe
from lambdas.telemetry import logger
from lambdas.text import line

if TYPE_CHECKING:
    from lambdas.model import Json

GRANTS = tuple(
    dict.fromkeys(
        (
            *standing.GRANTS,
            *parts.GRANTS,
            *journal.OUTCOME_GRANTS,
            *topic.GRANTS,
        )
    )
)

_SECONDS = 60.0
#: So many are handed over, in batches of what one run of respond can carry; more are told in the report only.
_MOST_FOUND = 4 * MOST_TARGETS
_WHY = 120
_GONE = "gone"


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions. Raises the named errors of ``lambdas.errors``."""
    execution = str(event["execution"])
    if "refused" in event:
        return _refuse(str(event["refused"]), str(event.get("incident_id", "")), execution)
    opened = event["opened"]
    shelf = Shelf(s3=aws.client("s3"), bucket=environment.get(environment.EVIDENCE), folder=str(opened["folder"]))
    table = Table(aws.client("dynamodb"), environment.get(environment.TABLE), seconds=journal.PATIENT)
    findings = _with_states(_with_stock(_told(event, table, shelf), shelf))
    findings["unknown"] += [str(one) for one in event.get("problems") or []]
    if opened["regions_error"]:
        findings["unknown"].append(str(opened["regions_error"]))
    added = _added(event, findings, shelf)
    where = _write(shelf, findings)
    if opened["case"]:
        _note(table, str(opened["incident_id"]), f"s3://{shelf.bucket}/{where}")
    quiet = opened["look"] != 1 and not added
    if not quiet:  # the last thing that can fail: a retry tells again
        topic.publish(
            report_alert.compose(
                findings,
                bucket=shelf.bucket,
                key=where,
                execution=execution,
                at=environment.now(),
                late=added,
            )
        )
    found = [{**one, "why": line(one["why"], _WHY)} for one in findings["found"][:_MOST_FOUND]]
    handed_over = [{"number": number, "found": some} for number, some in enumerate(_batches(found))]
    logger.info("reported", extra={"case": opened["incident_id"], "found": len(found), "quiet": quiet})
    return {
        "incident_id": opened["incident_id"],
        "report": f"s3://{shelf.bucket}/{where}",
        "found": found if opened["live"] else [],
        "batches": handed_over if opened["live"] else [],
        "told": not quiet,
    }


def _batches(found: list[Json]) -> list[list[Json]]:
    """Share out what one run of respond can carry: so many targets, and so many instances among them."""
    parts: list[list[Json]] = []
    for one in found:
        fits = parts and len(parts[-1]) < MOST_TARGETS
        machines = sum(other["kind"] == Kind.INSTANCE for other in parts[-1]) if parts else 0
        if fits and (one["kind"] != Kind.INSTANCE or machines < MOST_INSTANCES):
            parts[-1].append(one)
        else:
            parts.append([one])
    return parts


def _note(table: Table, incident_id: str, where: str) -> None:
    """Note in the case where its report is; people are told of it also where that cannot be noted."""
    try:
        table.report(incident_id, where, environment.now())
    except errors.TourniquetError as error:
        logger.warning("the case does not say where its report is: %s", error)


def _told(event: Json, table: Table, shelf: Shelf) -> Json:
    """Put the records together with what the incident table knows of the case."""
    opened = event["opened"]
    silent = event.get("silent") or []
    case = table.case(str(opened["incident_id"])) if opened["case"] else None
    entries = table.entries(str(opened["incident_id"])) if opened["case"] else ()
    held = case.held if case else None
    first = rounds.read(shelf, 1)
    return rounds.tell(
        shelf,
        int(event["round"]),
        Case(
            incident_id=str(opened["incident_id"]) if opened["case"] else "",
            account=str(event["execution"]).split(":")[4],
            partition=str(event["execution"]).split(":")[1],
            made_at=environment.now(),
            since=first.since,
            until=first.until,
            look=int(opened["look"]),
            outcome=case.outcome if case else "",
            held=held,
            title=str(case.about.get("title", "")) if case else "",
            subjects=tuple(request.shown(one) for one in first.roots),
            done=tuple(
                {
                    "at": one.change.at,
                    "action": one.change.action,
                    "target": describe(one.change.target).removeprefix("access key "),
                    "result": one.change.result,
                    "held": held,
                    "error": one.change.error or None,
                }
                for one in entries
            ),
            silent=tuple(dict.fromkeys(silent if isinstance(silent, list) else [silent])),
            cut=int(event.get("cut") or 0),
            most=MOST_EVENTS,
            own=tuple(_own()),
            suspect_since=str(opened["stock_since"]) if opened["case"] else "",
        ),
    )


def _own() -> list[str]:
    """Name the responder's own roles, which nothing is ever found to be."""
    return [name.rpartition("/")[2] for name in environment.guardrails().own]


def _with_stock(findings: Json, shelf: Shelf) -> Json:
    """Add what taking stock found, without what records prove to be the attacker's already."""
    kept = shelf.kept("stock.json")
    if kept is None:
        return findings
    proven = {(one["kind"], one["id"]) for one in findings["resources"]}
    return {
        **findings,
        "stock": [one for one in kept["stock"] if (one["kind"], one["id"]) not in proven],
        "principals": kept["principals"],
        "posture": kept["posture"],
        "cost": kept["cost"],
        "unknown": [*findings["unknown"], *kept["unknown"]],
    }


def _with_states(findings: Json) -> Json:
    """Say how what the records name stands now; what is gone is not handed over."""
    partition = findings["partition"]
    asked = {
        (one["kind"], one["id"]): Resource(
            kind=one["kind"], id=one["id"], name=one.get("name", ""), region=one["region"], partition=partition
        )
        for one in findings["resources"]
        if one["kind"] in KINDS
    }
    asked |= {
        ("access_key", one["key_id"]): Resource(kind="access_key", id=one["key_id"], owner=one["name"])
        for one in findings["credentials"]
        if one["kind"] == "access_key" and one["key_id"]
    }
    states, unknown = standing.now(aws.client, list(asked.values()), Deadline(_SECONDS))
    said = {which: states.get(resource, "") for which, resource in asked.items()}
    return {
        **findings,
        "resources": [{**one, "state": said.get((one["kind"], one["id"]), "")} for one in findings["resources"]],
        "credentials": [
            {**one, "state": said.get(("access_key", one["key_id"])) or one["state"]}
            if one["kind"] == "access_key"
            else one
            for one in findings["credentials"]
        ],
        "found": [
            one
            for one in findings["found"]
            if said.get((one["kind"], one["id"])) != _GONE and said.get((one["kind"], one["name"])) != _GONE
        ],
        "unknown": [*findings["unknown"], *unknown],
    }


def _added(event: Json, findings: Json, shelf: Shelf) -> list[str]:
    """Say what a second look adds to the first; where the first is not there, everything is new."""
    opened = event["opened"]
    if opened["look"] == 1:
        return []
    held = event.get("held") or {}
    undone = sum(int(one["undone"]) for one in held.get("items", {}).values()) if isinstance(held, dict) else 0
    first = replace(shelf, folder=str(opened["first"])).kept("findings.json")
    if first is None:
        return ["The first look left no findings, so this is the whole report."]
    return late.news(first, findings, undone)


def _write(shelf: Shelf, findings: Json) -> str:
    """Write the report's forms into the look's folder; give the key of the page."""
    page = f"{shelf.folder}/report.html"
    forms = {
        page: ("text/html; charset=utf-8", report.report_html(findings)),
        f"{shelf.folder}/report.json": ("application/json", report.report_json(findings)),
        f"{shelf.folder}/summary.txt": ("text/plain; charset=utf-8", summary.summary_text(findings)),
        f"{shelf.folder}/support.html": ("text/html; charset=utf-8", support_form.support_html(findings)),
        f"{shelf.folder}/support.txt": ("text/plain; charset=utf-8", support_form.support_text(findings)),
    }
    for key, (kind, body) in forms.items():
        with aws.translated():
            shelf.s3.put_object(Bucket=shelf.bucket, Key=key, Body=body.encode("utf-8", "replace"), ContentType=kind)
    shelf.keep("findings.json", findings)
    return page


def _refuse(sentence: str, incident_id: str, execution: str) -> Json:
    """Tell that an investigation could not begin, and what to give."""
    said = line(sentence, 600)
    topic.publish(
        alert.notice(
            Notice(
                incident_id=line(incident_id, 60),
                outcome=Outcome.REFUSED,
                what="an investigation could not begin.",
                sentences=(said,),
                steps=(),
                source=report_alert.SOURCE,
                type="request",
                execution=execution,
                at=environment.now(),
            )
        )
    )
    return {"refused": said, "incident_id": line(incident_id, 60)}
