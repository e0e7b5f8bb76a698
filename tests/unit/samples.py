"""The sample events of the project, a larger corpus where there is one beside it, and what may go wrong in one."""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.model import Incident, Kind
from lambdas.signals import incident_from
from lambdas.signals.reading import MOST_TARGETS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

type Event = dict[str, Any]
type Place = tuple[str | int, ...]

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "tests" / "events"
CORPUS = "TOURNIQUET_CORPUS"

#: The longest text that an incident may hold.
LONGEST = 2_048
FILLERS = ("GeneratedFinding", "i-99999999")


def names() -> list[str]:
    """List the project's own sample events."""
    return sorted(file.stem for file in EVENTS.glob("*.json"))


def sample(name: str) -> Event:
    """Read one of the project's own sample events."""
    event: Event = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def corpus() -> dict[str, Any]:
    """Read the larger corpus: file → event. Skips the test where there is none."""
    found = beside()
    if not found:
        pytest.skip(f"no larger corpus of events: {CORPUS} is not set and nothing is beside the project")
    return found


def beside() -> dict[str, Any]:
    """Read the larger corpus, or nothing where there is none."""
    folder = Path(os.environ.get(CORPUS) or ROOT.parent / "shared" / "data")
    return {
        f"{kind}/{file.name}": json.loads(file.read_text())
        for kind in ("guardduty", "health", "trustedadvisor")
        for file in sorted((folder / kind).glob("*.json"))
        if file.name != "INDEX.json"
    }


def leaves(value: object) -> Iterator[str]:
    """Give every text and number that stands in an event."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as found:
                waiting += found.values()
            case (list() | tuple()) as found:
                waiting += found
            case str() as found:
                yield found
            case bool() | None:
                pass
            case found:
                yield str(found)


def read(event: object) -> Incident:
    """Read an event and hold the incident to what is promised of every one."""
    incident = incident_from(event)
    assert isinstance(incident, Incident)
    assert incident.targets or incident.notes, "it says neither whom it means nor why it means nobody"
    assert len(incident.targets) <= MOST_TARGETS
    assert all(len(text) <= LONGEST for text in leaves(asdict(incident))), "a text that fills the workflow's state"
    assert Incident.from_json(json.loads(json.dumps(asdict(incident), allow_nan=False))) == incident
    if incident.targets:
        said = list(leaves(event))
        for target in incident.targets:
            assert target.id or target.name or target.kind is Kind.ROOT
            assert not said_by(said, target.id, target.name, target.account, target.region) - composed(target.id, said)
            assert not (target.id.startswith(FILLERS)), "a sample's filler"
            assert not target.name.startswith(FILLERS) or target.id.startswith(("AIDA", "AROA")), "a sample's filler"
    return incident


def said_by(said: list[str], *texts: str) -> set[str]:
    """Give those of some texts that the event does not hold (``root`` it may hold in any case)."""
    return {text for text in texts if not any(text in leaf or text == leaf.lower() for leaf in said)}


def composed(identity: str, said: list[str]) -> set[str]:
    """Allow the one id that may be put together, a federated user's, of an account and a name that the event holds."""
    account, _, name = identity.partition(":")
    return {identity} if account.isdigit() and not said_by(said, account, name) else set()


def places(value: object, place: Place = ()) -> list[Place]:
    """List the places in an event, not those far inside of what a mutation put there."""
    match value:
        case dict() if len(place) < 9:
            inner: list[tuple[str | int, Any]] = list(value.items())
        case list() if len(place) < 9:
            inner = list(enumerate(value[:4]))
        case _:
            inner = []
    return [place, *(found for key, below in inner for found in places(below, (*place, key)))]


def at(event: Any, place: Place) -> Any:  # noqa: ANN401 - any JSON
    """Give what stands at a place."""
    for key in place:
        event = event[key]
    return event


def replaced(event: Any, place: Place, value: object) -> Any:  # noqa: ANN401 - any JSON
    """Give the event with another value at a place."""
    if not place:
        return value
    changed = copy.copy(event)
    key = place[0]
    changed[key] = replaced(event[key], place[1:], value) if len(place) > 1 else value
    return changed


def without(event: Any, place: Place) -> Any:  # noqa: ANN401 - any JSON
    """Give the event without what stands at a place."""
    changed = copy.copy(event)
    if len(place) > 1:
        changed[place[0]] = without(event[place[0]], place[1:])
    else:
        del changed[place[0]]
    return changed


def nested(depth: int, *, lists: bool) -> Any:  # noqa: ANN401 - any JSON
    """Give a value that is nested so deep."""
    value: Any = "bottom"
    for _ in range(depth):
        value = [value] if lists else {"sample": value}
    return value


#: Values of the wrong type or content.
WRONG: list[Any] = [
    True,
    False,
    0,
    -1,
    3.5,
    10**40,
    10**400,
    float("nan"),
    float("inf"),
    float("-inf"),
    "",
    " ",
    "\x00",
    "\ud800",
    "\U0001f600\u202e",
    "null",
    "AKIA" + "A" * 16,
    "ASIA" + "B" * 16,
    "AROA" + "C" * 16 + ":*",
    "*",
    "i-0123456789abcdef0",
    "IAMUser",
    "AssumedRole",
    "FederatedUser",
    "Instance",
    "AttackSequence",
    "aws.iam",
    "arn:aws:iam::123456789012:root",
    "arn:aws:iam::123456789012:user/" + "a/" * 700 + "b",
    [],
    [None],
    ["AKIA2TESTEXPOSED0001", 7, {}, []],
    {},
    {"": None},
    {"entityValue": {"entityValue": "x"}},
    {"user": {"type": "AssumedRole", "uid": ["x"]}, "uid": {}},
]

#: Values that are much too large or too deep.
HUGE: list[Any] = [
    "A" * 300_000,
    '{"sample": ' * 5_000,
    "[" * 60_000,
    [f"AKIA2TESTEXPOSED{number:04}" for number in range(400)],
    [{"entityValue": f"user-{number}"} for number in range(400)],
    [{"user": {"name": f"user-{number}", "type": "IAMUser"}} for number in range(400)],
    [{"uid": f"i-{number:08x}", "resourceType": "EC2_INSTANCE"} for number in range(400)],
    {f"key-{number}": number for number in range(2_000)},
    nested(400, lists=True),
    nested(400, lists=False),
]

ODD: list[Any] = [None, *WRONG, *HUGE]

#: What may be wrong with an event.
KINDS = ("missing", "null", "wrong type", "extra", "huge", "truncated")


def mutated(event: Any, dice: random.Random, kind: str = "") -> Any:  # noqa: ANN401 - any JSON
    """Take something away from an event, put something odd in its place or beside it, or cut a text short.

    Of a ``kind`` that is not given one to four at once are made.
    """
    kinds = [kind] if kind else [dice.choice(KINDS) for _ in range(dice.choice([1, 1, 1, 2, 4]))]
    for one in kinds:
        place = dice.choice(places(event)[1:] or [()])
        if not place:
            return event
        match one:
            case "missing":
                event = without(event, place)
            case "null":
                event = replaced(event, place, None)
            case "extra":
                beside_it = (*place[:-1], "extra") if isinstance(place[-1], str) else place
                event = replaced(event, beside_it, dice.choice(ODD))
            case "truncated":
                texts = [one for one in places(event)[1:] if isinstance(at(event, one), str) and at(event, one)]
                if texts:
                    place = dice.choice(texts)
                    text = at(event, place)
                    event = replaced(event, place, text[: dice.randrange(len(text))])
            case _:
                event = replaced(event, place, dice.choice(HUGE if one == "huge" else WRONG))
    return event


def mutations(count: int, dice: random.Random) -> Iterator[tuple[str, Any]]:
    """Give so many mutated events, of each sample and of the larger corpus in turn, and of each kind in turn."""
    originals = [sample(name) for name in names()] + list(beside().values())
    made: Counter[str] = Counter()
    for number in range(count):
        kind = (*KINDS, "")[number % (len(KINDS) + 1)]
        made[kind] += 1
        yield kind, mutated(originals[(number // (len(KINDS) + 1)) % len(originals)], dice, kind)
