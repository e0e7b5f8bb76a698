"""Hold: watch the cuts that a run makes, from the moment they are made, and have made again what is undone.

Input: ``{"items": [<plan item>, …], "execution": "<ARN>", "started_at": "<ISO 8601>", "since": "<ISO 8601>", "seconds":
<how long>, "begin_within": <seconds>, "born": true | false}``. Output: see ``holding.Held``. It owns no power over the
account: it reads, and calls the functions that made the cuts again, with the plan's own items.

May touch: iam:GetAccessKeyLastUsed, iam:GetLoginProfile, iam:GetRole, iam:GetRolePolicy, iam:GetUser,
iam:ListAccessKeys, iam:ListAttachedRolePolicies, iam:ListAttachedUserPolicies, iam:ListRoles, iam:ListUsers;
ec2:DescribeIamInstanceProfileAssociations, ec2:DescribeInstances, ec2:DescribeSecurityGroups; lambda:InvokeFunction on
the functions of the actions that it watches; dynamodb:GetItem, dynamodb:PutItem and dynamodb:Query on the incident
table.
Never: changes anything in the account itself; makes a cut that the plan did not have.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambdas import actions, aws, errors, holding, journal, newborns
from lambdas.actions.shape import Place
from lambdas.aws import Grant
from lambdas.handlers import environment
from lambdas.holding import OF_CREDENTIALS, OF_INSTANCES, Standing, Watch
from lambdas.journal import Table
from lambdas.model import RELEASING, Json, Kind, Outcome, PlanItem, Result
from lambdas.telemetry import logger
from lambdas.text import line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lambdas.actions.shape import Action
    from lambdas.model import Change

_FUNCTIONS = "arn:{partition}:lambda:{region}:{account}:function:"
_READS = ("Get", "List", "Describe")
_WATCHED = (*OF_CREDENTIALS, *OF_INSTANCES)

GRANTS = tuple(
    dict.fromkeys(
        (
            *(
                grant
                for name in _WATCHED
                for grant in actions.load(name).grants
                if grant.action.partition(":")[2].startswith(_READS)
            ),
            *newborns.GRANTS,
            *journal.HOLD_GRANTS,
            *(
                Grant(action="lambda:InvokeFunction", resource=_FUNCTIONS + actions.function_of(name))
                for name in _WATCHED
            ),
        )
    )
)

#: A round waits so long for its calls; what takes longer goes on beside the next rounds.
A_ROUND_SECONDS = 0.1
_AT_ONCE = 16
_MADE = {Result.DONE, Result.ALREADY}
_OVER = {RELEASING, Outcome.RELEASED.value}


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions with how the cuts held. Raises nothing on purpose."""
    items = [PlanItem.from_json(item) for item in event["items"]]
    watched = [item for item in items if item.action in _WATCHED]
    seconds, begin_within = float(event["seconds"]), float(event["begin_within"])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        look = _Look()
        watch = Watch(
            look=look,
            again=_Again(str(event["execution"]), look.seen),
            born=_born(event, watched),
            standing=_standing(event, watched, seconds + begin_within),
            now=time.monotonic,
            sleep=time.sleep,
            together=_together(pool),
        )
        held = holding.hold(watch, watched, seconds=seconds, begin_within=begin_within)
    undone = sum(int(item["undone"]) for item in held.items.values())
    logger.info("held", extra={"items": len(held.items), "undone": undone, "born": len(held.born)})
    return held.to_json()


class _Look:
    """Reads targets; ``seen`` is what it read last of those whose cut is one call (item id → state)."""

    def __init__(self) -> None:
        self.seen: dict[str, Json] = {}

    def __call__(self, item: PlanItem) -> bool:
        """Read one target, and say whether it is cut."""
        action = actions.load(item.action)
        state = action.look(_power(action, item), item)
        if item.action in OF_CREDENTIALS:
            self.seen[item.id] = state
        return action.verify(state)


def _power(action: Action, item: PlanItem) -> Any:  # noqa: ANN401  (IAM's client, or a Place)
    """Give an action what it looks with; evidence is none of a hold's business."""
    return Place(clients=aws.client, region=item.target.region) if action.on_instances else aws.client("iam")


class _Again:
    """Calls the function that made a cut, with the same item and what was seen of its target."""

    def __init__(self, execution: str, seen: Mapping[str, Json]) -> None:
        self._execution = execution
        self._seen = seen

    def __call__(self, item: PlanItem) -> None:
        """Have the cut made again. Raises the named error that the function raised."""
        payload = {
            "item": item.to_json(),
            "execution": self._execution,
            "undone": True,
            "seen": self._seen.get(item.id),
        }
        function = actions.function_of(item.action)
        try:
            with aws.translated():
                answer = aws.client("lambda", patient=True).invoke(FunctionName=function, Payload=json.dumps(payload))
                said = json.loads(answer["Payload"].read() or b"{}")
        except errors.TargetGone as error:
            raise errors.NotPermitted(f"The function {function} does not exist (any more): {error}") from None
        if "FunctionError" in answer:
            raise _named(said)


def _named(said: Any) -> errors.TourniquetError:  # noqa: ANN401  (what Lambda gives of an error)
    """Give the named error that a function ended with; one that is not ours is Unexpected."""
    name = said.get("errorType", "") if isinstance(said, dict) else ""
    message = line(said.get("errorMessage", "") if isinstance(said, dict) else said, 300)
    found = getattr(errors, str(name), None)
    if isinstance(found, type) and issubclass(found, errors.TourniquetError):
        return found(message)
    return errors.Unexpected(f"{line(name, 60)}: {message}")


def _born(event: Json, watched: Sequence[PlanItem]) -> Callable[[], Sequence[Json]]:
    """Give the reader of what was born, or one that reads nothing where the other wing does it."""
    if not event.get("born"):
        return lambda: ()
    after = newborns.since(str(event.get("since", "")), str(event.get("started_at", "")))
    users = {item.args["user"] for item in watched if item.args.get("user")}
    own = users | {item.args["role"] for item in watched if item.args.get("role")}
    keys = {item.target.id for item in watched if item.target.kind is Kind.ACCESS_KEY}
    return lambda: [
        one
        for one in newborns.born(aws.client("iam"), after, users)
        if one["id"] not in keys and not (one["kind"] in {"user", "role"} and one["name"] in own)
    ]


def _standing(event: Json, watched: Sequence[PlanItem], seconds: float) -> Callable[[], Standing | None]:
    """Give the reader of how the cases stand; it notes that this hold is there, so that all share the requests."""
    table = Table(aws.client("dynamodb", hasty=True), environment.get(environment.TABLE))
    cases = sorted({item.incident_id for item in watched})
    started_at = environment.as_ours(str(event.get("started_at", "")))
    holder = f"{event['execution']}#{watched[0].action if watched else ''}"
    until = environment.stamp(datetime.now(UTC) + timedelta(seconds=seconds))

    def standing() -> Standing | None:
        try:
            found = [table.case(case) for case in cases]
            changes = [table.changes(case, started_at) for case in cases]  # an earlier run's may be undone by now
            holds = table.share(holder, environment.now(), until)
        except errors.TourniquetError as error:
            logger.warning("the incident table did not say how the case stands: %s", error)
            return None
        return Standing(
            made={item_id for some in changes for item_id, change in some.items() if was_made(change)},
            ended=all(case.outcome for case in found),
            released=frozenset(case.incident_id for case in found if case.outcome in _OVER),
            holds=holds,
        )

    return standing


def was_made(change: Change) -> bool:
    """Tell whether a change was made, also where somebody undid it before it could be read back."""
    return change.result in _MADE or change.error == errors.StateChanged.__name__


def _together(pool: ThreadPoolExecutor) -> Callable[[Sequence[Callable[[], None]]], object]:
    return lambda calls: wait([pool.submit(call) for call in calls], timeout=A_ROUND_SECONDS)
