"""The incident table: claims, signals, the journal of changes, questions, outcomes, the circuit breaker.

One table, four kinds of partition. ``pk`` = incident id: ``INCIDENT``, ``SIGNAL#…``, ``CHANGE#<item>``,
``ASK#<question>``. ``pk`` = ``TARGET#<claim>``, ``sk`` = ``OPEN``: which case holds a target, so that every signal
about it meets the same case. ``pk`` = ``BREAKER``: a slot for each principal that may be contained within an hour.
``pk`` = ``HOLDS``: an item for each hold, which all share the account's requests.

Nothing here may hold up containment: each call is bounded to about a second and a failure raises one of
the named errors, which callers answer by going on without the table.

May touch: dynamodb:PutItem, dynamodb:UpdateItem, dynamodb:GetItem, dynamodb:Query on the incident table;
dynamodb:Scan for a restore.
Never: deletes an item; loses a change's ``before``.
"""

from __future__ import annotations

import hashlib
import random
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from lambdas import aws, errors
from lambdas.aws import Grant
from lambdas.model import RELEASING, Change, Json, Kind, Outcome, Result, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.model import Incident

_TABLE = "{table}"


def _may(*calls: str) -> tuple[Grant, ...]:
    return tuple(Grant(action=f"dynamodb:{call}", resource=_TABLE) for call in calls)


CLAIM_GRANTS = _may("GetItem", "PutItem", "Query", "UpdateItem")
ANSWER_GRANTS = _may("GetItem", "Query", "UpdateItem")
CHANGE_GRANTS = _may("PutItem", "UpdateItem")
HOLD_GRANTS = _may("GetItem", "PutItem", "Query")
READ_GRANTS = _may("GetItem", "Query")
OUTCOME_GRANTS = _may("GetItem", "Query", "UpdateItem")
RESTORE_GRANTS = _may("GetItem", "Query", "Scan", "UpdateItem")
UNDO_GRANTS = _may("GetItem", "UpdateItem")

#: For where no cut waits: how long a call is tried again.
PATIENT = 5.0

_TRIES = 6
_SECONDS = 1.0
_PAUSE = 0.1
_ASK_TEXTS = (
    "incident_id",
    "asked_by",
    "execution",
    "asked_at",
    "answer_by",
    "then",
    "payload",
    "token",
    "settled_at",
    "settled_by",
    "reason",
)
_write, _read = TypeSerializer(), TypeDeserializer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as an execution meets it.

    ``outcome`` is empty while its workflow runs. ``acting`` says which execution set out to make which item (item
    id → execution ARN). ``made`` are the ids of the items that any of its executions made or found so, ``told`` what
    its alerts told already (see ``alert.tellings``). ``released`` says when a restore undid which item (item id → ISO
    8601); such an item is not among ``made``. ``restoring`` is the restore (an execution's ARN) that began last;
    ``outcome`` is ``RELEASING`` while it is at work. ``held`` is whether its cuts held, ``None`` where nobody knows.
    ``about`` is what the case's item tells of its first signal:
    ``title``, ``source``, ``type`` and ``severity``.
    """

    incident_id: str
    execution: str = ""
    outcome: str = ""
    acting: Mapping[str, str] = field(default_factory=dict)
    made: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    released: Mapping[str, str] = field(default_factory=dict)
    restoring: str = ""
    held: bool | None = None
    about: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the journal holds of one change, for a restore.

    ``change`` is as it ended latest, with what was there before the first time; of one that never ended, the result is
    FAILED and ``after`` empty. ``again`` is what was there before the latest time, if it was made anew. ``args`` are
    those of the plan's item; entries of older versions have none. ``released_at`` is when it was undone and
    ``released_by`` the restore that did it (an execution's ARN), each ``""`` where not known.
    """

    change: Change
    args: Json = field(default_factory=dict)
    again: Json | None = None
    released_at: str = ""
    released_by: str = ""


class Asked(StrEnum):
    """How a question stands."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question to people, whether these items may be made.

    ``asked_by`` is the execution that asks, ``execution`` the one that waits for the answer (ARNs). ``answer_by`` is
    when the time is up, ``then`` what happens after that (``expire`` or ``contain``). ``payload`` is what triage would
    hand on for these items, as JSON text. ``token`` is Step Functions' task token, empty until the waiting execution
    has begun. Times are ISO 8601.
    """

    incident_id: str
    id: str
    asked_by: str
    execution: str
    asked_at: str
    answer_by: str
    then: str
    items: tuple[str, ...]
    payload: str
    state: Asked = Asked.WAITING
    token: str = ""
    settled_at: str = ""
    settled_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A case that is to be opened, unless another one holds its targets.

    ``acting`` are the ids of the items that it sets out to make, ``targets`` the ids that the case's item lists; ``at``
    is ISO 8601.
    """

    incident_id: str
    execution: str
    incident: Incident
    acting: Collection[str]
    targets: Collection[str]
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the journal holds of the state before a change.

    ``before`` was seen by the execution ``by``. Where the change was undone and made anew, ``again`` is what was there
    that time, seen by ``again_by``. ``remark`` says what is left undone of it, whatever reads back.
    """

    before: Json
    by: str
    again: Json | None = None
    again_by: str = ""
    remark: str = ""


class Table:
    """The incident table.

    ``dynamodb`` is a client with short time limits (``aws.client(..., hasty=True)``) and ``seconds`` how long a call is
    tried again, where a cut waits for it; where none does, both may be longer.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        name: str,
        *,
        seconds: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._seconds = _SECONDS if seconds is None else seconds
        self._sleep = sleep

    def claim(self, claims: Collection[str], opening: Opening, home: str = "") -> dict[str, str]:
        """Take every claim that is free, for one case, and say which case holds each.

        ``home`` is the case that the signal is known to belong to: then the free ones go there.

        Claims that are free go to the case to be opened unless exactly one other case holds the rest: then the
        signal belongs to that case, and they go there. Safe to repeat and to race: one transaction
        either takes all it asked for or nothing. Raises Unavailable or NotPermitted.
        """
        held: dict[str, str] = {}
        for attempt in range(_TRIES):
            others = set(held.values())
            case = home or (others.pop() if len(others) == 1 else opening.incident_id)
            free = [claim for claim in claims if claim not in held]
            if held and not free:
                return held
            found = self._take(free, case, opening)
            if found is None:
                return held | dict.fromkeys(free, case)
            held |= found
            if not found:
                self._sleep(random.uniform(0.02, 0.1) * (attempt + 1))  # noqa: S311  (spreads retries)
        raise errors.Unavailable("Claiming the targets kept colliding with other executions.")

    def _take(self, free: Collection[str], case: str, opening: Opening) -> dict[str, str] | None:
        """Write the claims; ``None`` when it worked, else who holds which (empty: only a collision)."""
        writes: list[Any] = [
            {
                "Put": {
                    "TableName": self._name,
                    "Item": _item(
                        {"pk": f"TARGET#{claim}", "sk": "OPEN", "incident_id": case, "claimed_at": opening.at}
                    ),
                    "ConditionExpression": "attribute_not_exists(pk) OR incident_id = :case",
                    "ExpressionAttributeValues": _item({":case": case}),
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            }
            for claim in free
        ]
        if case == opening.incident_id:
            writes.append({"Update": self._opened(opening)})
        try:
            self._send(self._dynamodb.transact_write_items, TransactItems=writes)
        except ClientError as error:
            reasons: list[Any] = error.response.get("CancellationReasons", [])
            codes = {str(reason.get("Code")) for reason in reasons}
            if not codes & {"TransactionConflict", "ConditionalCheckFailed"}:
                said = ", ".join(sorted(codes))
                raise errors.Unavailable(f"The incident table refused the claims: {said}.") from None
            return {
                claim: str(_plain(reason["Item"])["incident_id"])
                for claim, reason in zip(free, reasons, strict=False)
                if reason.get("Code") == "ConditionalCheckFailed" and reason.get("Item")
            }
        return None

    def _opened(self, opening: Opening) -> Json:
        """Open the case's own item; a retry of the same execution changes nothing."""
        signal = opening.incident.signal
        values = {
            "incident_id": opening.incident_id,
            "execution": opening.execution,
            "opened_at": opening.at,
            "acting": dict.fromkeys(opening.acting, opening.execution),
            "targets": sorted(opening.targets),
            "title": signal.title[:300],
            "source": signal.source,
            "type": signal.type[:300],
            "account": signal.account,
            "severity": signal.severity,
        }
        sets = ", ".join(f"#{index} = if_not_exists(#{index}, :{index})" for index in range(len(values)))
        return {
            "TableName": self._name,
            "Key": _item({"pk": opening.incident_id, "sk": "INCIDENT"}),
            "UpdateExpression": f"SET {sets}",
            "ExpressionAttributeNames": {f"#{index}": name for index, name in enumerate(values)},
            "ExpressionAttributeValues": _item({f":{index}": value for index, value in enumerate(values.values())}),
        }

    def open(self, opening: Opening) -> None:
        """Write a case's own item if there is none: for a case that could not be claimed when it began."""
        self._send(self._dynamodb.update_item, **self._opened(opening))

    def case(self, incident_id: str) -> Case:
        """Read a case. Raises Unavailable or NotPermitted; a case without an item reads as running."""
        found = self._send(
            self._dynamodb.get_item,
            TableName=self._name,
            Key=_item({"pk": incident_id, "sk": "INCIDENT"}),
            ConsistentRead=True,
        )
        data = _plain(found.get("Item", {}))
        return Case(
            incident_id=incident_id,
            execution=str(data.get("execution", "")),
            outcome=str(data.get("outcome", "")),
            acting=dict(data.get("acting", {})),
            made=frozenset(data.get("made", ())),
            targets=frozenset(data.get("targets", ())),
            told=frozenset(data.get("told", ())),
            released=dict(data.get("released", {})),
            restoring=str(data.get("restoring", "")),
            held=data.get("held"),
            about={name: data[name] for name in ("title", "source", "type", "severity") if name in data},
        )

    def exists(self, incident_id: str) -> bool:
        """Tell whether there is a case of this id."""
        return bool(self.case(incident_id).execution)

    def run(self, case: Case, execution: str, acting: Collection[str], targets: Collection[str]) -> bool:
        """Make an execution the one that runs a case, and say which changes it sets out to make.

        False when another execution took the case over, or ended it, since ``case`` was read. What other executions set
        out to make is kept; of a case that has ended, only what none of them made.
        """
        kept = {item: owner for item, owner in case.acting.items() if not case.outcome or item not in case.made}
        values = {
            ":mine": execution,
            ":old": case.execution or execution,
            ":acting": {**kept, **dict.fromkeys(acting, execution)},
            ":targets": sorted({*targets, *case.targets}),
        }
        ended_since = "" if case.outcome else " AND attribute_not_exists(outcome)"
        return self._if_unchanged(
            Key=_item({"pk": case.incident_id, "sk": "INCIDENT"}),
            UpdateExpression="SET #execution = :mine, acting = :acting, targets = :targets REMOVE outcome",
            ConditionExpression=f"(attribute_not_exists(#execution) OR #execution IN (:old, :mine)){ended_since}",
            ExpressionAttributeNames={"#execution": "execution"},
            ExpressionAttributeValues=_item(values),
        )

    def signal(self, incident_id: str, opening: Opening) -> str:
        """Keep the signal of an opening with a case; a redelivery counts up instead of adding one.

        Gives when the case first saw the signal (ISO 8601).
        """
        signal = opening.incident.signal
        found = self._send(
            self._dynamodb.update_item,
            TableName=self._name,
            Key=_item({"pk": incident_id, "sk": f"SIGNAL#{signal.source}#{signal.id}"}),
            UpdateExpression="SET #t = :type, title = :title, #r = :region, severity = :severity, sent_at = :sent, "
            "first_at = if_not_exists(first_at, :at), last_at = :at, last_execution = :execution, notes = :notes "
            "ADD seen :one",
            ExpressionAttributeNames={"#t": "type", "#r": "region"},
            ExpressionAttributeValues=_item(
                {
                    ":type": signal.type[:300],
                    ":title": signal.title[:300],
                    ":region": signal.region[:100],
                    ":severity": signal.severity,
                    ":sent": signal.at[:100],
                    ":at": opening.at,
                    ":execution": opening.execution,
                    ":notes": [note[:500] for note in opening.incident.notes],
                    ":one": 1,
                }
            ),
            ReturnValues="ALL_NEW",
        )
        return str(_plain(found["Attributes"])["first_at"])

    def record_before(self, change: Change, execution: str, args: Json | None = None) -> Kept:
        """Keep what was there before a change, once, with the args of its item; give what is kept.

        A retry, and a later run on the same case, get back what the first one saw.
        """
        kept_later = {"changed", "journaled", "after", "error", "reason"}
        entry = {name: value for name, value in change.to_json().items() if name not in kept_later} | {
            "pk": change.incident_id,
            "sk": f"CHANGE#{change.item_id}",
            "execution": execution,
            "result": "begun",
            "args": args or {},
        }
        try:
            self._send(
                self._dynamodb.put_item,
                TableName=self._name,
                Item=_item(entry),
                ConditionExpression="attribute_not_exists(#before)",
                ExpressionAttributeNames={"#before": "before"},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            old = _plain(error.response["Item"])  # type: ignore[typeddict-item]  # as asked for
            return self._begun_anew(change, execution, old, args or {}) if "released_at" in old else _kept(old)
        return Kept(before=change.before, by=execution)

    def _begun_anew(self, change: Change, execution: str, old: Json, args: Json) -> Kept:
        """Begin a change anew that a person undid: what is there now is what an undo has to give back.

        What was kept of it until then goes to ``earlier``.
        """
        gone = ("again", "again_by", "again_at", "released_at", "released_by", "after", "remark")
        earlier = {name: old[name] for name in ("before", "after", "at", "execution", "released_at") if name in old}
        try:
            self._send(
                self._dynamodb.update_item,
                TableName=self._name,
                Key=_item({"pk": change.incident_id, "sk": f"CHANGE#{change.item_id}"}),
                UpdateExpression="SET #before = :before, #execution = :execution, #result = :begun, #at = :at, "
                "args = :args, "
                "earlier = list_append(if_not_exists(earlier, :none), :earlier) "
                f"REMOVE {', '.join(f'#{one}' for one in gone)}",
                ConditionExpression="released_at = :released",
                ExpressionAttributeNames={f"#{name}": name for name in ("before", "execution", "result", "at", *gone)},
                ExpressionAttributeValues=_item(
                    {
                        ":before": change.before,
                        ":execution": execution,
                        ":begun": "begun",
                        ":args": args,
                        ":at": change.at,
                        ":none": [],
                        ":earlier": [earlier],
                        ":released": old["released_at"],
                    }
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _kept(_plain(error.response["Item"]))  # type: ignore[typeddict-item]  # as asked for
        return Kept(before=change.before, by=execution)

    def record_remark(self, change: Change, remark: str) -> None:
        """Keep what is left undone of a change whatever reads back later, until a person released it."""
        self._send(
            self._dynamodb.update_item,
            TableName=self._name,
            Key=_item({"pk": change.incident_id, "sk": f"CHANGE#{change.item_id}"}),
            UpdateExpression="SET remark = :remark",
            ExpressionAttributeValues=_item({":remark": remark[:500]}),
        )

    def kept(self, incident_id: str, item_id: str) -> tuple[Json, Json]:
        """Give what the journal holds of one change: what was there before, and after; each may be empty."""
        found = self._send(
            self._dynamodb.get_item,
            TableName=self._name,
            Key=_item({"pk": incident_id, "sk": f"CHANGE#{item_id}"}),
            ConsistentRead=True,
        )
        entry = _plain(found.get("Item", {}))
        return dict(entry.get("before", {})), dict(entry.get("after", {}))

    def record_again(self, change: Change, execution: str) -> None:
        """Keep what was there before a change is made anew, because somebody had undone it."""
        self._send(
            self._dynamodb.update_item,
            TableName=self._name,
            Key=_item({"pk": change.incident_id, "sk": f"CHANGE#{change.item_id}"}),
            UpdateExpression="SET again = :again, again_by = :execution, again_at = :at",
            ExpressionAttributeValues=_item({":again": change.before, ":execution": execution, ":at": change.at}),
        )

    def record_after(self, change: Change, *, unless_made_since: str = "") -> None:
        """Keep how a change ended. Raises Unavailable or NotPermitted.

        Nothing is written over what was made since a time (ISO 8601), where one is given: a hold may have made it.
        """
        made = {":done": Result.DONE, ":already": Result.ALREADY, ":since": unless_made_since}
        condition = {"ConditionExpression": "NOT (#r IN (:done, :already) AND #at >= :since)"}
        self._if_unchanged(
            Key=_item({"pk": change.incident_id, "sk": f"CHANGE#{change.item_id}"}),
            **(condition if unless_made_since else {}),
            UpdateExpression="SET #r = :result, #e = :error, #a = :after, #at = :at, item_id = :id, "
            "incident_id = :case, #ac = :action, #t = if_not_exists(#t, :target) REMOVE released_at, released_by",
            ExpressionAttributeNames={
                "#r": "result",
                "#e": "error",
                "#a": "after",
                "#at": "at",
                "#ac": "action",
                "#t": "target",
            },
            ExpressionAttributeValues=_item(
                {
                    ":result": change.result,
                    ":error": change.error,
                    ":after": change.after,
                    ":at": change.at,
                    ":id": change.item_id,
                    ":case": change.incident_id,
                    ":action": change.action,
                    ":target": change.to_json()["target"],
                    **(made if unless_made_since else {}),
                }
            ),
        )

    def changes(self, incident_id: str, since: str = "") -> dict[str, Change]:
        """Give how every change of a case ended latest (since an ISO 8601 time): item id → change."""
        found: dict[str, Change] = {}
        entries = self._query(incident_id, "CHANGE#")
        for entry in entries:
            if "released_at" in entry:
                continue
            if entry.get("result") in set(Result) and str(entry.get("at", "")) >= since:
                found[str(entry["item_id"])] = Change(
                    item_id=str(entry["item_id"]),
                    incident_id=incident_id,
                    action=str(entry.get("action", "")),
                    target=Target.from_json(entry["target"]),
                    before=dict(entry.get("before", {})),
                    after=dict(entry.get("after", {})),
                    result=Result(entry["result"]),
                    error=str(entry.get("error", "")),
                    at=str(entry.get("at", "")),
                )
        return found

    def close(self, incident_id: str, execution: str, values: Mapping[str, Any]) -> bool:
        """Write a case's end (``outcome``, ``told``, ``ended_at``, ``held`` …); false while others have it.

        What a person gave back stays so: a run that is to change that takes the case first (see ``run``).
        """
        sets = ", ".join(f"#{index} = :{index}" for index in range(len(values)))
        written = {f":{index}": value for index, value in enumerate(values.values())}
        return self._if_unchanged(
            Key=_item({"pk": incident_id, "sk": "INCIDENT"}),
            UpdateExpression=f"SET {sets}, incident_id = :case",
            ConditionExpression="(attribute_not_exists(#execution) OR #execution = :execution OR "
            "attribute_exists(#ended)) AND (attribute_not_exists(#ended) OR NOT #ended IN (:releasing, :released))",
            ExpressionAttributeNames={
                "#execution": "execution",
                "#ended": "outcome",
                **{f"#{index}": name for index, name in enumerate(values)},
            },
            ExpressionAttributeValues=_item(
                {
                    **written,
                    ":execution": execution,
                    ":case": incident_id,
                    ":releasing": RELEASING,
                    ":released": Outcome.RELEASED,
                }
            ),
        )

    def remember(self, incident_id: str, told: Collection[str]) -> None:
        """Keep what a case's alerts told, whoever runs the case now."""
        self._send(
            self._dynamodb.update_item,
            TableName=self._name,
            Key=_item({"pk": incident_id, "sk": "INCIDENT"}),
            UpdateExpression="SET told = :told",
            ExpressionAttributeValues=_item({":told": list(told)}),
        )

    def ask(self, ask: Ask) -> None:
        """Keep a question, once: a retry of the execution that asks finds its own."""
        entry = {**asdict(ask), "pk": ask.incident_id, "sk": f"ASK#{ask.id}", "ask_id": ask.id}
        del entry["id"]
        with suppress(ClientError):
            self._send(
                self._dynamodb.put_item,
                TableName=self._name,
                Item=_item(entry),
                ConditionExpression="attribute_not_exists(pk)",
            )

    def asks(self, incident_id: str) -> tuple[Ask, ...]:
        """Give every question of a case, the latest last."""
        entries = self._query(incident_id, "ASK#")
        return tuple(sorted((_asked(entry) for entry in entries), key=lambda ask: ask.asked_at))

    def keep_token(self, incident_id: str, ask_id: str, token: str) -> Ask | None:
        """Keep by which task token the waiting execution is woken; give the question, ``None`` when there is none."""
        return self._update_ask(
            (incident_id, ask_id),
            "SET #token = :token",
            "attribute_exists(pk)",
            {"#token": "token"},
            {":token": token},
        )

    def watch_on(self, change: Change) -> bool:
        """Count that somebody undid a change and that it is made again; false when a person gave the case back."""
        try:
            self._send(
                self._dynamodb.update_item,
                TableName=self._name,
                Key=_item({"pk": change.incident_id, "sk": "INCIDENT"}),
                UpdateExpression="SET undone_at = :at",
                ConditionExpression="attribute_exists(pk) AND (attribute_not_exists(outcome) OR "
                "NOT outcome IN (:releasing, :released))",
                ExpressionAttributeValues=_item(
                    {":at": change.at, ":releasing": RELEASING, ":released": Outcome.RELEASED}
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response.get("Item"):
                return False  # without an item, triage could not record the case: nobody can have given it back
        self._send(
            self._dynamodb.update_item,
            TableName=self._name,
            Key=_item({"pk": change.incident_id, "sk": f"CHANGE#{change.item_id}"}),
            UpdateExpression="ADD undone :one",
            ExpressionAttributeValues=_item({":one": 1}),
        )
        return True

    def report(self, incident_id: str, where: str, at: str) -> None:
        """Note where the report of a case's investigation is (``s3://…``), if there is such a case."""
        self._if_unchanged(
            Key=_item({"pk": incident_id, "sk": "INCIDENT"}),
            UpdateExpression="SET #report = :where, reported_at = :at",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#report": "report"},
            ExpressionAttributeValues=_item({":where": where, ":at": at}),
        )

    def share(self, holder: str, now: str, until: str) -> int:
        """Note that something watches until a time (ISO 8601 of one form); give how many watch now."""
        self._send(
            self._dynamodb.put_item,
            TableName=self._name,
            Item=_item({"pk": "HOLDS", "sk": f"{until}#{holder}"}),
        )
        return max(1, len(self._read_all("HOLDS", "sk > :given", now)))

    def release(self, incident_id: str, at: str) -> bool:
        """Note that a person undid a case: nothing of it counts as made any more. False while an execution runs it.

        That is so of what failed half way too: what was left of it is over.
        """
        case = self.case(incident_id)
        entries = self._query(incident_id, "CHANGE#")
        items = {*case.made, *(str(entry["item_id"]) for entry in entries if "released_at" not in entry)}
        released = {**case.released, **dict.fromkeys(items, at)}
        noted = self._if_unchanged(
            Key=_item({"pk": incident_id, "sk": "INCIDENT"}),
            UpdateExpression="SET outcome = :released, released = :items, made = :none, told = :none",
            ConditionExpression="attribute_exists(outcome) AND outcome <> :releasing",
            ExpressionAttributeValues=_item(
                {":released": Outcome.RELEASED, ":releasing": RELEASING, ":items": released, ":none": []}
            ),
        )
        for item_id in sorted(items) if noted else ():
            self._if_unchanged(
                Key=_item({"pk": incident_id, "sk": f"CHANGE#{item_id}"}),
                UpdateExpression="SET released_at = :at",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=_item({":at": at}),
            )
        return noted

    def entries(self, incident_id: str) -> tuple[Entry, ...]:
        """Give all that the journal holds of a case's changes, the oldest first."""
        found = [_entry(entry) for entry in self._query(incident_id, "CHANGE#")]
        return tuple(sorted(found, key=lambda entry: (entry.change.at, entry.change.item_id)))

    def entry(self, incident_id: str, item_id: str) -> Entry | None:
        """Give what the journal holds of one change."""
        found = self._send(
            self._dynamodb.get_item,
            TableName=self._name,
            Key=_item({"pk": incident_id, "sk": f"CHANGE#{item_id}"}),
            ConsistentRead=True,
        )
        return _entry(_plain(found["Item"])) if "Item" in found else None

    def standing(self) -> list[Entry]:
        """Give every change of any case that was not undone. Reads the whole table."""
        found: list[Json] = []
        more: dict[str, Any] = {}
        while True:
            page = self._send(
                self._dynamodb.scan,
                TableName=self._name,
                FilterExpression="attribute_exists(item_id) AND attribute_not_exists(released_at)",
                ConsistentRead=True,
                **more,
            )
            found += [_plain(entry) for entry in page["Items"] if entry["sk"]["S"].startswith("CHANGE#")]
            if "LastEvaluatedKey" not in page:
                return [_entry(entry) for entry in found]
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def begin_release(self, case: Case, execution: str, items: Collection[str], at: str) -> bool:
        """Make a restore the one that undoes a case: of its items none counts as made any more, each as released.

        So a repeat of a signal changes nothing by itself from here on. False when the case is not as it was read.
        """
        released = {**case.released, **{item: at for item in items if item in case.made or item not in case.released}}
        values = {
            ":releasing": RELEASING,
            ":mine": execution,
            ":items": released,
            ":none": [],
            ":nobody": {},
            ":execution": case.execution,
            ":outcome": case.outcome,
            ":restoring": case.restoring,
        }
        ended = "outcome = :outcome" if case.outcome else "attribute_not_exists(outcome)"
        before = "restoring = :restoring" if case.restoring else "attribute_not_exists(restoring)"
        for unused in (*([] if case.outcome else [":outcome"]), *([] if case.restoring else [":restoring"])):
            del values[unused]
        return self._if_unchanged(
            Key=_item({"pk": case.incident_id, "sk": "INCIDENT"}),
            UpdateExpression="SET outcome = :releasing, restoring = :mine, released = :items, made = :none, "
            "told = :none, acting = :nobody",
            ConditionExpression=f"#execution = :execution AND {ended} AND {before}",
            ExpressionAttributeNames={"#execution": "execution"},
            ExpressionAttributeValues=_item(values),
        )

    def mark_released(self, incident_id: str, item_id: str, execution: str, at: str) -> None:
        """Note that a change was undone: the next one of this item begins its entry anew."""
        self._if_unchanged(
            Key=_item({"pk": incident_id, "sk": f"CHANGE#{item_id}"}),
            UpdateExpression="SET released_at = :at, released_by = :by",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues=_item({":at": at, ":by": execution}),
        )

    def end_release(self, incident_id: str, execution: str, at: str) -> bool:
        """Write that a restore has ended; false when the case is not its own any more. Can be repeated."""
        return self._if_unchanged(
            Key=_item({"pk": incident_id, "sk": "INCIDENT"}),
            UpdateExpression="SET outcome = :released, ended_at = :at, told = :none",
            ConditionExpression="restoring = :mine AND outcome IN (:releasing, :released)",
            ExpressionAttributeValues=_item(
                {
                    ":released": Outcome.RELEASED,
                    ":releasing": RELEASING,
                    ":at": at,
                    ":none": [],
                    ":mine": execution,
                }
            ),
        )

    def settle(self, ask: Ask, state: Asked, at: str, by: str, reason: str = "") -> Ask | None:
        """Answer a question, if it still waits; give it as it is then, ``None`` when somebody else settled it."""
        return self._update_ask(
            (ask.incident_id, ask.id),
            "SET #state = :state, settled_at = :at, settled_by = :by, reason = :reason",
            "#state = :waiting",
            {"#state": "state"},
            {":state": state, ":at": at, ":by": by, ":reason": reason, ":waiting": Asked.WAITING},
        )

    def _update_ask(
        self,
        which: tuple[str, str],
        update: str,
        condition: str,
        names: Mapping[str, str],
        values: Mapping[str, str],
    ) -> Ask | None:
        incident_id, ask_id = which
        try:
            found = self._send(
                self._dynamodb.update_item,
                TableName=self._name,
                Key=_item({"pk": incident_id, "sk": f"ASK#{ask_id}"}),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=_item(values),
                ReturnValues="ALL_NEW",
            )
        except ClientError:
            return None
        return _asked(_plain(found["Attributes"]))

    def vouch(self, incident_id: str) -> None:
        """Note that a signal that passes the circuit breaker met a case, before it looks who is at work on it."""
        self._send(
            self._dynamodb.update_item,
            TableName=self._name,
            Key=_item({"pk": incident_id, "sk": "INCIDENT"}),
            UpdateExpression="SET vouched = :yes",
            ExpressionAttributeValues=_item({":yes": True}),
        )

    def withdraw(self, incident_id: str, items: Collection[str]) -> bool:
        """Take back that an execution set out to make items; tell whether a signal that passes met the case.

        Either that signal finds the items free, or this finds its note.
        """
        names = {f"#{index}": item for index, item in enumerate(items)}
        found = self._send(
            self._dynamodb.update_item,
            TableName=self._name,
            Key=_item({"pk": incident_id, "sk": "INCIDENT"}),
            UpdateExpression=f"REMOVE {', '.join(f'acting.{name}' for name in names)}",
            ExpressionAttributeNames=names,
            ReturnValues="ALL_NEW",
        )
        return bool(_plain(found["Attributes"]).get("vouched", False))

    def brake(self, principals: Collection[str], limit: int, now: str, since: str, seconds: float) -> frozenset[str]:
        """Take a slot for each principal, and give those that got one.

        There are ``limit`` slots; a slot is free again when it was taken before ``since``. Who holds a slot
        keeps it. Exact however many ask at once: a slot is taken under a condition. Times are ISO 8601 of one form.
        Raises Unavailable or Throttled when the table has not given an answer for all within ``seconds``.
        """
        until = time.monotonic() + seconds
        failures = 0
        while time.monotonic() <= until:
            try:
                if (granted := self._slots_for(set(principals), limit, now, since)) is not None:
                    return granted
            except (errors.Unavailable, errors.Throttled):  # a write whose answer was lost is seen by the next look
                failures += 1
                if failures == _TRIES:
                    raise
                self._sleep(_PAUSE)
        raise errors.Unavailable("The circuit breaker's slots could not be taken in time.")

    def _slots_for(self, principals: set[str], limit: int, now: str, since: str) -> frozenset[str] | None:
        """Look once which slots are free, and try one for each principal; ``None`` when it is worth to look again."""
        taken = {
            int(str(entry["sk"]).removeprefix("SLOT#")): str(entry["holder"])
            for entry in self._query("BREAKER", "SLOT#")
            if str(entry["taken_at"]) >= since
        }
        granted = principals & {holder for slot, holder in taken.items() if slot < limit}
        free = [slot for slot in range(limit) if slot not in taken]
        for principal in sorted(principals - granted):
            if not free:
                break
            first = int(hashlib.sha256(principal.encode()).hexdigest(), 16)  # the same one tries the same slot
            slot = min(free, key=lambda slot: (slot - first) % limit)
            free.remove(slot)
            if self._take_slot(slot, principal, now, since):
                granted.add(principal)
        # when no slot is left, the rest were taken by others meanwhile
        return frozenset(granted) if granted == principals or not free else None

    def _take_slot(self, slot: int, holder: str, now: str, since: str) -> bool:
        return self._if_unchanged(
            Key=_item({"pk": "BREAKER", "sk": f"SLOT#{slot:03}"}),
            UpdateExpression="SET holder = :holder, taken_at = :now",
            ConditionExpression="attribute_not_exists(pk) OR taken_at < :since OR holder = :holder",
            ExpressionAttributeValues=_item({":holder": holder, ":now": now, ":since": since}),
        )

    def trip(self, now: str, since: str) -> bool:
        """Note that the breaker opened; true for the one execution that is to tell people so."""
        return self._if_unchanged(
            Key=_item({"pk": "BREAKER", "sk": "TRIPPED"}),
            UpdateExpression="SET tripped_at = :now",
            ConditionExpression="attribute_not_exists(pk) OR tripped_at < :since",
            ExpressionAttributeValues=_item({":now": now, ":since": since}),
        )

    def _query(self, partition: str, prefix: str) -> list[Json]:
        """Read the items of a partition whose sort key begins so."""
        return self._read_all(partition, "begins_with(sk, :given)", prefix)

    def _read_all(self, partition: str, which: str, given: str) -> list[Json]:
        """Read the items of a partition whose sort key meets a condition."""
        entries: list[Json] = []
        more: dict[str, Any] = {}
        while True:
            found = self._send(
                self._dynamodb.query,
                TableName=self._name,
                KeyConditionExpression=f"pk = :pk AND {which}",
                ExpressionAttributeValues=_item({":pk": partition, ":given": given}),
                ConsistentRead=True,
                **more,
            )
            entries += [_plain(entry) for entry in found["Items"]]
            if "LastEvaluatedKey" not in found:
                return entries
            more = {"ExclusiveStartKey": found["LastEvaluatedKey"]}

    def _if_unchanged(self, **update: Any) -> bool:
        """Update an item under a condition; false when the condition does not hold."""
        try:
            self._send(self._dynamodb.update_item, TableName=self._name, **update)
        except ClientError:
            return False
        return True

    def _send(self, call: Callable[..., Any], **arguments: Any) -> Any:  # noqa: ANN401  (each call's own answer)
        """Make a call, again after a passing failure, for a second in all (or as long as the table was told).

        A condition that does not hold comes through as botocore's own error, with the item in it.
        """
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                with aws.translated("ConditionalCheckFailedException", "TransactionCanceledException"):
                    return call(**arguments)
            except (errors.Unavailable, errors.Throttled):
                if time.monotonic() + _PAUSE >= deadline:
                    raise
                self._sleep(_PAUSE)


def _item(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _write.serialize(_storable(value)) for key, value in data.items()}


def _storable(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """Floats become Decimal, which is all that DynamoDB knows of numbers."""
    match value:
        case float():
            return Decimal(str(value))
        case dict():
            return {key: _storable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_storable(inner) for inner in value]
        case str():
            return str(value).encode("utf-8", "replace").decode()
    return value


def _plain(item: Mapping[str, Any]) -> Json:
    return {key: _jsonable(_read.deserialize(value)) for key, value in item.items()}


def _kept(entry: Json) -> Kept:
    again = entry.get("again")
    return Kept(
        before=dict(entry["before"]),
        by=str(entry.get("execution", "")),
        again=dict(again) if again else None,
        again_by=str(entry.get("again_by", "")),
        remark=str(entry.get("remark", "")),
    )


def _entry(entry: Json) -> Entry:
    """Read an entry of the journal, whichever version wrote it."""
    result, again = entry.get("result"), entry.get("again")
    return Entry(
        change=Change(
            item_id=str(entry["sk"]).removeprefix("CHANGE#"),
            incident_id=str(entry["pk"]),
            action=str(entry.get("action", "")),
            target=Target.from_json(entry["target"]) if "target" in entry else Target(kind=Kind.OTHER),
            before=dict(entry.get("before", {})),
            after=dict(entry.get("after", {})),
            result=Result(result) if result in set(Result) else Result.FAILED,
            error=str(entry.get("error", "")),
            at=str(entry.get("at", "")),
        ),
        args=dict(entry.get("args", {})),
        again=dict(again) if again else None,
        released_at=str(entry.get("released_at", "")),
        released_by=str(entry.get("released_by", "")),
    )


def _jsonable(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """Decimal becomes a number that JSON has, because what was read travels on through the workflow."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {key: _jsonable(inner) for key, inner in value.items()}
        case list() | set():
            return [_jsonable(inner) for inner in value]
    return value


def _asked(entry: Json) -> Ask:
    texts = {name: str(entry.get(name, "")) for name in _ASK_TEXTS}
    return Ask(id=str(entry["ask_id"]), items=tuple(entry.get("items", ())), state=Asked(str(entry["state"])), **texts)


def target_ids(targets: Collection[Target]) -> list[str]:
    """Give the ids that the case's item lists: AWS' unique id, or the name where that is all there is."""
    return sorted({target.id or target.name for target in targets})
