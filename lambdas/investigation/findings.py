"""Everything that an investigation found, as one JSON document (schema ``tourniquet-findings/1``) that others render.

``Story`` takes the records a second time, one by one, in any order, and keeps what happened by hour; ``findings``
puts it together with the lineage. All text from CloudTrail in it is as it came: whoever renders it makes it safe.
Whole key ids are in ``credentials[].key_id``, in the ids of ``resources`` and of ``found``, nowhere else.

May touch: nothing.
Never: shows a call of somebody who is not in the case's lineage; hides what could not be found out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from lambdas.investigation import closing, suspicious
from lambdas.investigation.made import Inventory, Resource, change_of
from lambdas.investigation.makings import MADE
from lambdas.text import tail

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from lambdas.investigation.lineage import History, Lineage, Node, Tree
    from lambdas.investigation.records import Record
    from lambdas.investigation.suspicious import Suspicion
    from lambdas.model import Json

SCHEMA = "tourniquet-findings/1"

#: So many lines of the timeline, sources and credentials are told; of more it is said how many.
MOST_LINES, MOST_TOLD = 1_500, 500
#: So many runs of calls are told apart by address and agent; more are not.
MOST_RUNS = 20_000

_HOUR, _MINUTE = len("2026-11-27T03"), len("2026-11-27T03:31")
_HEAVY = 3

_ALWAYS_UNKNOWN = (
    "CloudTrail's event history has management events only: which objects were read or written in buckets, which "
    "functions were called and what was asked of tables and models is not in it. Where a trail records data events, "
    "search its bucket for the credentials named here."
)
_LAG = (
    "CloudTrail is some minutes late: what was done shortly before {until} may be missing here. The second look comes "
    "later."
)
_STOPPED = (
    "{event} was called at {at} in {region}: the event history goes on without a trail, but what only a trail records "
    "is missing from then on."
)
_UNREAD = "Not every event was looked up: {count} look-ups found more than {most} events and were cut there."
_LEFT = "{count} more credentials or principals were found than were followed."
_SHARED = (
    "All callers of a role were followed, because nothing narrower is known. Others may use it, so nothing that its "
    "sessions made is contained by itself: go through it, and contain what is the attacker's with the respond workflow."
)
_OLDER = (
    "{count} things that these credentials made before {since} are alive and were not contained, because the "
    "credentials may have been in good hands then. If they were not, investigate the case again with an earlier time: "
    '{{"incident_id": "…", "since": "…"}}.'
)
_SILENT = "No answer came from {regions}: what was done there is not known."
_LONG = "There are {count} {what} more than are told here; the records in the evidence bucket have them all."
_NOTHING = "No event was found. Either nobody called, or CloudTrail does not have it yet, or these are data events."
_SINCE = "Nothing before {since} was looked up, and CloudTrail's event history ends after 90 days."
_SERVICES = (
    "Instances and functions that were made or changed act with roles of their own: of functions, what they did is not "
    "followed here."
)


#: What to do after calls of these names or tactics.
_STEPS: tuple[tuple[set[str], str], ...] = (
    (
        {"UpdateAssumeRolePolicy", "CreateSAMLProvider", "CreateOpenIDConnectProvider", "CreateTrustAnchor"},
        "Put trust policies and identity providers back, and look who came in through them.",
    ),
    (
        {"UpdateLoginProfile", "ChangePassword"},
        "Give the users whose password was changed a new one, and tell them.",
    ),
    ({suspicious.STEAL}, "Replace every secret, parameter and password that was read."),
    ({suspicious.TAKE}, "Find out what left the account: who may read what was shared, and who copied it."),
    (
        {"ModifyInstanceAttribute", "UpdateFunctionCode", "UpdateFunctionConfiguration", "PutImage"},
        "Compare what runs (user data, functions, images) with what you deployed.",
    ),
    ({suspicious.HARM}, "Look at the bill and at the backups."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known of a case before it is investigated, and what of the look cannot be seen in its records.

    ``silent`` are the regions that did not answer, ``cut`` how many look-ups were cut at ``most`` events,
    ``left_out`` how many credentials were not followed. ``states`` says of key ids what IAM says (``active``,
    ``inactive``, ``denied``), ``own`` and ``gone`` are for ``closing.found``, as is ``suspect_since``: what was made
    before is told, and not handed over.
    """

    incident_id: str = ""
    account: str = ""
    partition: str = "aws"
    made_at: str
    since: str
    until: str
    look: int = 1
    outcome: str = ""
    held: bool | None = None
    title: str = ""
    subjects: tuple[Json, ...] = ()
    done: tuple[Json, ...] = ()
    silent: tuple[str, ...] = ()
    cut: int = 0
    most: int = 0
    left_out: int = 0
    states: Mapping[str, str] = field(default_factory=dict)
    own: Collection[str] = ()
    gone: Collection[str] = ()
    suspect_since: str = ""


type _Line = tuple[str, str, str, str, str, str, str, str, str]


@dataclass(slots=True, kw_only=True)
class _Run:
    """One kind of call of one caller, within an hour; within a minute where it weighs much."""

    record: Record
    at: str
    until: str
    count: int = 0


@dataclass(slots=True, kw_only=True)
class _Kind:
    """One suspicious kind of call."""

    row: Suspicion
    count: int = 0
    denied: int = 0
    first: str = ""
    last: str = ""


@dataclass(slots=True, kw_only=True)
class Story:
    """What the callers of a lineage did, by the records."""

    tree: Tree
    partition: str = "aws"
    runs: dict[_Line, _Run] = field(default_factory=dict)
    kinds: dict[tuple[str, str], _Kind] = field(default_factory=dict)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    logging: list[Json] = field(default_factory=list)
    inventory: Inventory = field(default_factory=Inventory)
    removals: closing.Removals = field(default_factory=closing.Removals)
    seen: set[str] = field(default_factory=set)

    def fold(self, records: Iterable[Record]) -> None:
        """Take records in; a repeated one counts once, and one of anybody else only for what it removed."""
        self.inventory.partition = self.partition
        for record in records:
            if record.event_id in self.seen:
                continue
            self.seen.add(record.event_id)
            self.removals.add(record)
            if record.actor in self.tree:
                self._add(record)

    def _add(self, record: Record) -> None:
        row = suspicious.find(record.service, record.name)
        self._run(record, row)
        self.inventory.add(record)
        if record.error:
            self.errors[record.name, record.error] += 1
        if row is None:
            return
        kind = self.kinds.setdefault((row.service, row.name), _Kind(row=row))
        kind.count += 1
        kind.denied += record.denied
        kind.first, kind.last = _earlier(kind.first, record.at), max(kind.last, record.at)
        if row.logging and len(self.logging) < MOST_TOLD:
            self.logging.append(
                {"at": record.at, "name": record.name, "region": record.region, "what": row.why, "ok": record.ok}
            )

    def _run(self, record: Record, row: Suspicion | None) -> None:
        heavy = row is not None and row.weight >= _HEAVY
        key = (
            record.at[: _MINUTE if heavy else _HOUR],
            record.name,
            record.service,
            record.region,
            record.actor,
            record.address,
            record.agent,
            record.error,
            "" if record.ok else "failed",
        )
        if len(self.runs) >= MOST_RUNS and key not in self.runs:
            key, record = (*key[:5], "", "", *key[7:]), replace(record, address="", agent="")
        run = self.runs.get(key)
        if run is None:
            run = self.runs[key] = _Run(record=_slim(record), at=record.at, until=record.at)
        run.at, run.until = min(run.at, record.at), max(run.until, record.at)
        run.count += 1


def _slim(record: Record) -> Record:
    """Give a record without its contents: many are kept at once."""
    return replace(record, request={}, response=_answer(record), resources=(), issued=())


def _answer(record: Record) -> Json:
    """Keep of an answer only whether a sign-in succeeded."""
    return {record.name: record.response[record.name]} if record.type == "AwsConsoleSignIn" and not record.ok else {}


def findings(case: Case, lineage: Lineage, story: Story) -> Json:
    """Put everything together. ``stock``, ``principals``, ``cost`` and ``posture`` are empty: others fill them in."""
    tree = story.tree
    histories = [lineage.histories[one] for one in tree.nodes if one in lineage.histories]
    names = _ids(tree, lineage)
    told = _timeline(story, names)
    resources = story.inventory.settled()
    document: Json = {
        "schema": SCHEMA,
        "incident_id": case.incident_id,
        "account": case.account,
        "partition": case.partition,
        "made_at": case.made_at,
        "since": case.since,
        "until": case.until,
        "look": case.look,
        "outcome": case.outcome,
        "held": case.held,
        "title": case.title,
        "subjects": list(case.subjects),
        "done": list(case.done),
        "counts": _counts(tree, histories),
        "first": min((one.first for one in histories if one.first), default=""),
        "last": max((one.last for one in histories), default=""),
        "timeline": told,
        "credentials": _credentials(case, tree, lineage, names, story.removals),
        "sources": _sources(histories),
        "errors": [{"name": name, "code": code, "count": count} for (name, code), count in story.errors.most_common()],
        "suspicious": _suspicious(story),
        "logging": sorted(story.logging, key=lambda one: (one["at"], one["name"])),
        "resources": [_resource(one, names) for one in resources],
        "stock": [],
        "principals": [],
        "cost": None,
        "posture": [],
        "found": _found(case, tree, story, case.suspect_since),
    }
    document["next_steps"] = _next_steps(document, story)
    forgotten = sum(one.forgotten for one in histories)
    hidden = {
        "lines of the timeline": len(story.runs) - len(told),
        "credentials": len(tree.nodes) - len(document["credentials"]) + forgotten,
        "things that were made, changed or removed": story.inventory.left_out,
    }
    document["unknown"] = _unknown(case, document, hidden)
    if older := len(_found(case, tree, story, "")) - len(document["found"]):
        document["unknown"].append(_OLDER.format(count=older, since=case.suspect_since))
    if any(tie.shared and tie.birth for tie in tree.ties.values()):
        document["unknown"].append(_SHARED)
    return document


def _found(case: Case, tree: Tree, story: Story, since: str) -> list[Json]:
    return closing.found(tree, story.removals, now=case.made_at, own=case.own, gone=case.gone, since=since)


def _ids(tree: Tree, lineage: Lineage) -> dict[str, str]:
    """Give each caller an id that people may see: the last four of its key, more where two would be the same."""
    given: dict[str, str] = {}
    taken: set[str] = set()
    for node in tree.nodes.values():
        chosen = next(one for one in _choices(node.id, lineage.histories.get(node.id)) if one not in taken)
        taken.add(chosen)
        given[node.id] = chosen
    return given


def _choices(node_id: str, history: History | None) -> Iterator[str]:
    """Propose ids for a caller; never more than eight letters of a key."""
    if node_id.startswith("("):
        first = (history.by.name or history.by.id if history else "") or node_id.strip("()")
    else:
        yield from (f"…{node_id[-length:]}" for length in (4, 5, 6, 7, 8))
        first = tail(node_id)
    yield first
    yield from (f"{first} #{number}" for number in count(2))


def _counts(tree: Tree, histories: list[History]) -> Json:
    regions: Counter[str] = Counter()
    for one in histories:
        regions.update(one.regions)
    return {
        "events": sum(one.events for one in histories),
        "denied": sum(one.denied for one in histories),
        "writes": sum(one.writes for one in histories),
        "regions": len(regions),
        "credentials": len(tree.nodes),
        "sources": len({address for one in histories for address in one.sources}),
    }


def _timeline(story: Story, names: Mapping[str, str]) -> list[Json]:
    """Tell the runs in order; of too many, those that weigh most."""
    lines = [_line(run, names) for run in story.runs.values()]
    heaviest = sorted(lines, key=lambda one: (-one["weight"], not one["write"], one["at"]))[:MOST_LINES]
    return sorted(heaviest, key=lambda one: (one["at"], one["until"], one["name"], one["by"], one["address"]))


def _line(run: _Run, names: Mapping[str, str]) -> Json:
    record = run.record
    row = suspicious.find(record.service, record.name)
    return {
        "at": run.at,
        "until": run.until,
        "name": record.name,
        "service": record.service,
        "region": record.region,
        "by": names.get(record.actor, ""),
        "principal": record.by.arn or record.by.name or record.by.id,
        "address": record.address,
        "agent": record.agent,
        "count": run.count,
        "ok": record.ok,
        "error": record.error,
        "write": not record.read_only,
        "tactics": list(row.tactics) if row else [],
        "weight": row.weight if row else 0,
        "what": _what(record, row),
    }


def _what(record: Record, row: Suspicion | None) -> str:
    """Say in one sentence what a call is; one that failed changed nothing."""
    if record.denied:
        return "This was refused." if row is None else f"Refused. {row.why}"
    if not record.ok:
        return "This failed." if row is None else f"Failed. {row.why}"
    if row is not None:
        return row.why
    change = "" if record.read_only else change_of(record)
    if change:
        return f"Something was {change}."
    return "A look." if record.read_only else "A call that may change something."


def _credentials(
    case: Case, tree: Tree, lineage: Lineage, names: Mapping[str, str], removals: closing.Removals
) -> list[Json]:
    called = sorted(tree.nodes.values(), key=lambda one: (one.depth > 0, one.id not in lineage.histories))
    nodes = sorted(called[:MOST_TOLD], key=lambda one: (one.depth, one.birth.at if one.birth else "", one.id))
    return [_credential(case, node, lineage.histories.get(node.id), names, removals) for node in nodes]


def _credential(
    case: Case, node: Node, history: History | None, names: Mapping[str, str], removals: closing.Removals
) -> Json:
    birth, by = node.birth, history.by if history else None
    key_id = "" if node.id.startswith("(") else node.id
    issued = birth if birth and birth.subject.kind == "key" and birth.subject.value == node.id else None
    return {
        "id": names[node.id],
        "key_id": key_id,
        "kind": issued.kind if issued else _kind(key_id, by.type if by else ""),
        "principal": (by.arn or by.id if by else "") or (birth.arn or birth.principal if birth else ""),
        "name": (by.name or by.issuer_name if by else "") or (birth.name if birth else ""),
        "parent": names.get(node.parent) if node.parent else None,
        "issued_by": birth.event if birth else "",
        "issued_at": birth.at if birth else "",
        "expires": issued.expires if issued else "",
        "depth": node.depth,
        "events": history.events if history else 0,
        "denied": history.denied if history else 0,
        "first": history.first if history else "",
        "last": history.last if history else "",
        "regions": dict(history.regions) if history else {},
        "state": _state(case, key_id, issued.expires if issued else "", removals),
        "born_of_case": birth is not None,
    }


def _kind(key_id: str, identity: str) -> str:
    """Say what a credential is of whose issue there is no record: long-term keys begin with AKIA, others with ASIA."""
    if not key_id:
        return "unknown"
    if identity in {"AssumedRole", "FederatedUser"}:
        return "role_session" if identity == "AssumedRole" else "federation"
    return {"AKIA": "access_key", "ASIA": "session"}.get(key_id[:4], "unknown")


def _state(case: Case, key_id: str, expires: str, removals: closing.Removals) -> str:
    if expires and expires <= case.made_at:
        return "expired"
    if ("access_key", key_id) in removals.at or key_id in case.gone:
        return "gone"
    return case.states.get(key_id, "unknown")


def _sources(histories: list[History]) -> list[Json]:
    found: dict[str, dict[str, Any]] = {}
    for history in histories:
        for address, source in history.sources.items():
            one = found.setdefault(
                address, {"address": address, "agents": {}, "events": 0, "denied": 0, "first": "", "last": ""}
            )
            one["agents"] |= dict.fromkeys(source.agents)
            one["events"] += source.events
            one["denied"] += source.denied
            one["first"], one["last"] = _earlier(one["first"], source.first), max(one["last"], source.last)
    listed = sorted(found.values(), key=lambda one: (-one["events"], one["address"]))
    return [{**one, "agents": list(one["agents"])} for one in listed[:MOST_TOLD]]


def _suspicious(story: Story) -> list[Json]:
    kinds = sorted(story.kinds.values(), key=lambda one: (-one.row.weight, one.first, one.row.name))
    return [
        {
            "name": one.row.name,
            "service": f"{one.row.service}.amazonaws.com",
            "tactics": list(one.row.tactics),
            "techniques": list(one.row.techniques),
            "count": one.count,
            "denied": one.denied,
            "first": one.first,
            "last": one.last,
            "why": one.row.why,
        }
        for one in kinds
    ]


def _resource(one: Resource, names: Mapping[str, str]) -> Json:
    return {
        "kind": one.kind,
        "id": one.id,
        "arn": one.arn,
        "region": one.region,
        "change": one.change,
        "event": one.event,
        "at": one.at,
        "by": names.get(one.by, ""),
        "ok": True,
        "state": one.state,
        "console": one.console,
        "look": one.look,
        "remove": one.undo,
        "note": one.note,
    }


def _next_steps(document: Json, story: Story) -> list[str]:
    """Say what people should do now, the urgent first."""
    done = {kind.row for kind in story.kinds.values() if kind.count > kind.denied}
    tactics = {tactic for row in done if row.weight > 1 for tactic in row.tactics}
    left = [one for one in document["resources"] if one["change"] == MADE and not one["state"]]
    because = {row.name for row in done} | tactics
    steps = [
        (any(one["ok"] for one in document["logging"]), "Switch on again what records and watches."),
        (document["found"], "Contain what these credentials made and what is alive, where it is not contained yet."),
        (left, f"Go through the {len(left)} things that were made; take back what is not yours."),
        *((because & names, sentence) for names, sentence in _STEPS),
        (document["counts"]["events"], "Ask the owner of each credential which of these calls were theirs."),
    ]
    return [sentence for wanted, sentence in steps if wanted]


def _unknown(case: Case, document: Json, hidden: Mapping[str, int]) -> list[str]:
    """Say what could not be found out, and why."""
    unknown = [] if document["counts"]["events"] else [_NOTHING]
    unknown.append(_ALWAYS_UNKNOWN)
    if case.look == 1:
        unknown.append(_LAG.format(until=case.until))
    if case.silent:
        unknown.append(_SILENT.format(regions=", ".join(sorted(case.silent))))
    stopped = [one for one in document["logging"] if one["ok"] and one["name"] in {"StopLogging", "DeleteTrail"}]
    if stopped:
        unknown.append(_STOPPED.format(event=stopped[0]["name"], at=stopped[0]["at"], region=stopped[0]["region"]))
    if case.cut:
        unknown.append(_UNREAD.format(count=case.cut, most=case.most))
    if case.left_out:
        unknown.append(_LEFT.format(count=case.left_out))
    unknown += [_LONG.format(count=many, what=what) for what, many in hidden.items() if many]
    if {"function", "instance"} & {one["kind"] for one in document["resources"]}:
        unknown.append(_SERVICES)
    unknown.append(_SINCE.format(since=case.since))
    return unknown


def _earlier(one: str, other: str) -> str:
    return min(one, other) if one and other else one or other
