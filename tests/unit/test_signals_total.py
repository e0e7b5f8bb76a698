"""Whatever arrives becomes an incident: never an exception, never a target that the event does not name."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.alert import compose
from lambdas.model import Incident
from lambdas.planning import Guardrails, plan
from lambdas.playbooks import playbook_for
from lambdas.signals import incident_from
from lambdas.signals.reading import MOST_TARGETS
from tests.unit.cases import ACCOUNT, story
from tests.unit.samples import corpus, names, sample

if TYPE_CHECKING:
    from collections.abc import Iterator

type Path = tuple[str | int, ...]

MUTATIONS = 600
LONGEST = 2_048
_REPEATABLE = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=200
)


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
            assert target.id or target.name or target.kind == "root"
            assert any(target.id in leaf for leaf in said)
            assert any(target.name.lower() in leaf.lower() for leaf in said)
            assert any(target.account in leaf for leaf in said)
    return incident


def tell(incident: Incident) -> None:
    """Plan the answer without a single fact, and write the alert that says so."""
    planned = plan(incident, {}, playbook_for(incident.signal), Guardrails(account=ACCOUNT))
    alert = compose(story(incident, planned))
    assert len(alert.message.encode()) < 262_144
    assert alert.subject.isascii()
    assert len(alert.subject) <= 100


def paths(value: object, path: Path = ()) -> list[Path]:
    """List the places in an event, not those far inside of what a mutation put there."""
    match value:
        case dict() if len(path) < 9:
            inner: list[tuple[str | int, Any]] = list(value.items())
        case list() if len(path) < 9:
            inner = list(enumerate(value[:4]))
        case _:
            inner = []
    return [path, *(found for key, below in inner for found in paths(below, (*path, key)))]


def replaced(event: Any, path: Path, value: object) -> Any:  # noqa: ANN401 - any JSON
    """Give the event with another value at a place."""
    if not path:
        return value
    changed = copy.copy(event)
    at = path[0]
    changed[at] = replaced(event[at], path[1:], value) if len(path) > 1 else value
    return changed


def without(event: Any, path: Path) -> Any:  # noqa: ANN401 - any JSON
    """Give the event without what stands at a place."""
    changed = copy.copy(event)
    if len(path) > 1:
        changed[path[0]] = without(event[path[0]], path[1:])
    else:
        del changed[path[0]]
    return changed


def nested(depth: int, *, lists: bool) -> Any:  # noqa: ANN401 - any JSON
    """Give a value that is nested so deep."""
    value: Any = "bottom"
    for _ in range(depth):
        value = [value] if lists else {"sample": value}
    return value


ODD: list[Any] = [
    None,
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
    "arn:aws:iam::123456789012:root",
    "arn:aws:iam::123456789012:user/" + "a/" * 700 + "b",
    "A" * 300_000,
    '{"sample": ' * 5_000,
    "[" * 60_000,
    [],
    [None],
    ["AKIA2TESTEXPOSED0001", 7, {}, []],
    [f"AKIA2TESTEXPOSED{number:04}" for number in range(400)],
    [{"entityValue": f"user-{number}"} for number in range(400)],
    {},
    {"": None},
    {"entityValue": {"entityValue": "x"}},
    nested(400, lists=True),
    nested(400, lists=False),
]


def mutated(event: Any, dice: random.Random) -> Any:  # noqa: ANN401 - any JSON
    """Take something away from an event, put something odd in its place, or put something odd beside it."""
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        path = dice.choice(paths(event)[1:] or [()])
        if not path:
            return event
        match dice.randrange(4):
            case 0:
                event = without(event, path)
            case 1:
                event = replaced(event, (*path[:-1], "extra") if isinstance(path[-1], str) else path, dice.choice(ODD))
            case _:
                event = replaced(event, path, dice.choice(ODD))
    return event


@pytest.mark.parametrize("name", names())
def test_every_sample_becomes_an_incident_that_can_be_told(name: str) -> None:
    """Given a sample event, when it is read, it is an incident, has a plan, and an alert can be written."""
    tell(read(sample(name)))


def test_no_sample_with_something_odd_in_it_raises() -> None:
    """Given the samples with fields gone, null, of the wrong type, huge or deep, when read, none raises or invents."""
    dice = random.Random(20261120)  # noqa: S311 - repeatable, not secret
    originals = [sample(name) for name in names()]
    acted = 0
    for number in range(MUTATIONS):
        incident = read(mutated(originals[number % len(originals)], dice))
        tell(incident)
        acted += bool(incident.targets)
    assert MUTATIONS * 0.2 < acted < MUTATIONS, "the mutations are too mild or too wild to say anything"


@pytest.mark.parametrize("odd", range(len(ODD)))
def test_every_place_of_an_event_may_hold_anything(odd: int) -> None:
    """Given one odd value, when it stands at any place of an event of each source, reading it never raises."""
    for name in ("health-exposed", "trusted-advisor-exposed", "guardduty-sample-flag-in-value-string"):
        event = sample(name)
        for path in paths(event):
            read(replaced(event, path, ODD[odd]))


@pytest.mark.parametrize("name", names())
def test_every_place_of_an_event_may_be_missing(name: str) -> None:
    """Given a sample event, when any one of its fields is not there, reading it never raises."""
    event = sample(name)
    for path in paths(event)[1:]:
        read(without(event, path))


def as_parsed(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Give a value as it is after a journey as JSON text (two surrogates become one character, say)."""
    return json.loads(json.dumps(value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters(categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
).map(as_parsed)


@given(JSON)
@_REPEATABLE
def test_any_json_at_all_becomes_an_incident(value: object) -> None:
    """Given any JSON value as input, when it is read, it is an incident that can be told."""
    tell(read(value))


@given(st.sampled_from(names()), st.integers(min_value=0), JSON)
@_REPEATABLE
def test_any_json_at_any_place_becomes_an_incident(name: str, place: int, value: object) -> None:
    """Given a sample with any JSON at any of its places, when it is read, it is an incident that can be told."""
    event = sample(name)
    found = paths(event)
    tell(read(replaced(event, found[place % len(found)], value)))


@given(st.sampled_from(["aws.health", "aws.guardduty", "aws.trustedadvisor"]), JSON, JSON)
@_REPEATABLE
def test_any_detail_of_a_known_source_becomes_an_incident(source: str, detail: object, account: object) -> None:
    """Given an envelope of a known source around anything, when it is read, it is an incident that can be told."""
    tell(read({"source": source, "detail": detail, "account": account, "region": account, "id": detail}))


@pytest.mark.parametrize(
    "source", ["aws.health", "aws.guardduty", "aws.trustedadvisor", "aws.other", "", None, 0, [], {}]
)
def test_an_event_without_a_body_is_announced(source: object) -> None:
    """Given an envelope with nothing in it, when it is read, it names nobody and says so."""
    for event in ({"source": source}, {"source": source, "detail": None}, {"source": source, "detail": []}):
        assert read(event).targets == ()


def test_the_larger_corpus_becomes_incidents_that_can_be_told() -> None:
    """Given real events, when each is read, and read again with something odd in it, none raises or invents."""
    dice = random.Random(229)  # noqa: S311 - repeatable, not secret
    for event in corpus().values():
        tell(read(event))
        for _ in range(10):
            read(mutated(event, dice))


def test_no_sample_finding_of_the_larger_corpus_is_acted_on() -> None:
    """Given real sample findings, when they are read, each is inert; the others are not."""
    seen = 0
    for name, event in corpus().items():
        if not name.startswith("guardduty/"):
            continue
        service = event["detail"].get("service", {})
        filler = "GeneratedFinding" in json.dumps(event["detail"].get("resource", {}).get("accessKeyDetails"))
        expected = (service.get("additionalInfo") or {}).get("sample") is True or filler
        assert bool(read(event).signal.inert) is (expected or service.get("archived") is True), name
        seen += expected
    assert seen


def test_no_mock_of_the_larger_corpus_names_anybody() -> None:
    """Given events whose source is a mock, in either form of the envelope, when they are read, nobody is named."""
    for event in corpus().values():
        if str(event.get("source") or event.get("Source")).startswith("awsmock."):
            assert read(event).targets == ()


def test_no_finding_or_item_of_another_kind_in_the_larger_corpus_names_anybody() -> None:
    """Given findings on other resources and items of other checks, when they are read, nobody is named."""
    seen = 0
    for name, event in corpus().items():
        detail = event.get("detail", {})
        match event.get("source"):
            case "aws.guardduty":
                other = detail.get("resource", {}).get("resourceType") != "AccessKey"
            case "aws.trustedadvisor":
                other = detail.get("check-name") != "Exposed Access Keys"
            case _:
                continue
        assert bool(read(event).targets) is not other, name
        seen += other
    assert seen


def test_no_health_event_of_another_family_in_the_larger_corpus_names_anybody() -> None:
    """Given Health events that are no risk to credentials, when they are read, nobody is named."""
    for name, event in corpus().items():
        if event.get("source") == "aws.health" and "RISK" not in str(event["detail"].get("eventTypeCode")):
            assert read(event).targets == (), name
