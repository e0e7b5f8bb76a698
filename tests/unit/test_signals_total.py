"""Whatever arrives becomes an incident: never an exception, never a target that the event does not name."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo import events
from lambdas.model import Kind
from lambdas.signals import PATTERNS
from lambdas.signals.reading import is_instance_id
from tests.unit.samples import KINDS, ODD, corpus, mutated, mutations, names, places, read, replaced, sample, without

MUTATIONS = 4_200
_REPEATABLE = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=200
)

#: One sample of each reader, with the most to read in it.
RICHEST = (
    "health-exposed",
    "health-abuse",
    "trusted-advisor-exposed",
    "guardduty-sample-flag-in-value-string",
    "guardduty-attack-sequence-of-a-role",
    "guardduty-instance-actor",
    "quarantine-by-somebody-else",
)
SOURCES = sorted({pattern["source"][0] for pattern in PATTERNS.values()})
TYPES = sorted({pattern["detail-type"][0] for pattern in PATTERNS.values()})


@pytest.mark.parametrize("name", names())
def test_every_sample_becomes_an_incident(name: str) -> None:
    """Given a sample event, when it is read, it is an incident whose targets all stand in the event."""
    read(sample(name))


def test_no_mutation_of_an_event_raises_or_invents_a_target() -> None:
    """Given thousands of events with something wrong in them, when each is read, none raises or invents."""
    dice = random.Random(20261120)  # noqa: S311 - repeatable, not secret
    seen: Counter[str] = Counter()
    named = 0
    for kind, event in mutations(MUTATIONS, dice):
        named += bool(read(event).targets)
        seen[kind] += 1
    assert seen.total() == MUTATIONS >= 2_000
    assert all(seen[kind] >= MUTATIONS // 8 for kind in KINDS), "each kind of mutation was tried often"
    assert MUTATIONS * 0.2 < named < MUTATIONS, "the mutations are too mild or too wild to say anything"


@pytest.mark.parametrize("odd", range(len(ODD)))
def test_every_place_of_an_event_may_hold_anything(odd: int) -> None:
    """Given one odd value, when it stands at any place of an event of each source, reading it never raises."""
    for name in RICHEST:
        event = sample(name)
        for place in places(event):
            read(replaced(event, place, ODD[odd]))


@pytest.mark.parametrize("name", names())
def test_every_place_of_an_event_may_be_missing_or_null(name: str) -> None:
    """Given a sample event, when any one of its fields is not there or null, reading it never raises."""
    event = sample(name)
    for place in places(event)[1:]:
        read(without(event, place))
        read(replaced(event, place, None))


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
    """Given any JSON value as input, when it is read, it is an incident."""
    read(value)


@given(st.sampled_from(names()), st.integers(min_value=0), JSON)
@_REPEATABLE
def test_any_json_at_any_place_becomes_an_incident(name: str, place: int, value: object) -> None:
    """Given a sample with any JSON at any of its places, when it is read, it is an incident."""
    event = sample(name)
    found = places(event)
    read(replaced(event, found[place % len(found)], value))


@given(st.sampled_from(SOURCES), st.sampled_from(TYPES), JSON, JSON)
@_REPEATABLE
def test_any_detail_of_a_known_source_becomes_an_incident(
    source: str, kind: str, detail: object, account: object
) -> None:
    """Given an envelope of a known source around anything, when it is read, it is an incident."""
    envelope = {"source": source, "detail-type": kind, "account": account, "region": account, "id": detail}
    read({**envelope, "detail": detail})


WORDS = st.text() | st.sampled_from(
    ["AIDA2TESTBUILDUSER01", "AROA2TESTDEPLOYROLE1:x y", "a*", "${aws:userid}", "x.com:y"]
)
USER_TYPES = ["IAMUser", "AssumedRole", "Role", "Root", "FederatedUser", "AWSAccount", "AWSService", "Unknown", ""]


@given(
    st.sampled_from(USER_TYPES),
    st.sampled_from(["AccessKey", "EKSCluster", "S3Bucket"]),
    WORDS,
    WORDS,
    st.sampled_from(["", "AKIA2TESTEXPOSED0002", "ASIA2TESTSESSION0003", "GeneratedFindingAccessKeyId", "key"]),
)
@_REPEATABLE
def test_no_principal_carries_a_character_that_a_policy_could_read(
    user_type: str, resource_type: str, principal_id: str, name: str, key_id: str
) -> None:
    """Given any text as a principal, when it is read, ids and names are in IAM's characters and stand in the event."""
    event = events.guardduty(
        key_id, name, user_type=user_type, principal_id=principal_id, resource_type=resource_type, region="eu-west-1"
    )
    for target in read(as_parsed(event)).targets:
        assert not set(target.id + target.name) & set("*?${}\"'<>/\\ \n")
        assert (target.id + target.name).isascii()


@given(
    st.lists(st.fixed_dictionaries({}, optional={"user": JSON, "session": JSON, "process": JSON}), max_size=4),
    st.lists(
        st.fixed_dictionaries(
            {"resourceType": st.sampled_from(["ACCESS_KEY", "EC2_INSTANCE", "S3_BUCKET"]), "uid": JSON},
            optional={"accountId": JSON, "region": JSON, "data": JSON},
        ),
        max_size=4,
    ),
)
@_REPEATABLE
def test_any_attack_sequence_becomes_an_incident(actors: list[Any], resources: list[Any]) -> None:
    """Given a sequence of actors and resources of any content, when it is read, it is an incident."""
    read(events.attack_sequence(*actors, resources=tuple(resources)))


@given(JSON, JSON, JSON)
@_REPEATABLE
def test_any_record_of_a_quarantine_becomes_an_incident(caller: object, user: object, policy: object) -> None:
    """Given a record of the call with anybody as caller, user and policy, when it is read, it is an incident."""
    event = events.quarantine("ci-user", "AKIA2TESTEXPOSED0001")
    event["detail"]["userIdentity"] = caller
    assert read(event).signal.doubt
    event["detail"]["requestParameters"] = {"userName": user, "policyArn": policy}
    read(event)


@pytest.mark.parametrize("source", [*SOURCES, "aws.other", "", None, 0, [], {}])
def test_an_event_without_a_body_is_announced(source: object) -> None:
    """Given an envelope with nothing in it, when it is read, it names nobody and says so."""
    for event in ({"source": source}, {"source": source, "detail": None}, {"source": source, "detail": []}):
        assert read(event).targets == ()


def test_the_larger_corpus_becomes_incidents() -> None:
    """Given real events, when each is read, and read again with something odd in it, none raises or invents."""
    dice = random.Random(229)  # noqa: S311 - repeatable, not secret
    for event in corpus().values():
        read(event)
        for _ in range(10):
            read(mutated(event, dice))


def test_no_sample_finding_of_the_larger_corpus_is_acted_on() -> None:
    """Given real sample findings, when they are read, each is inert; the others are not."""
    seen = 0
    for name, event in corpus().items():
        if not name.startswith("guardduty/"):
            continue
        resource, service = event["detail"].get("resource", {}), event["detail"].get("service", {})
        filler = "GeneratedFinding" in json.dumps(resource.get("accessKeyDetails"))
        if resource.get("resourceType") == "Instance":
            filler = resource["instanceDetails"].get("instanceId") == "i-99999999"
        expected = (service.get("additionalInfo") or {}).get("sample") is True or filler
        assert bool(read(event).signal.inert) is (expected or service.get("archived") is True), name
        seen += expected
    assert seen


def test_no_mock_of_the_larger_corpus_names_anybody() -> None:
    """Given events whose source is a mock, in either form of the envelope, when they are read, nobody is named."""
    for event in corpus().values():
        if str(event.get("source") or event.get("Source")).startswith("awsmock."):
            assert read(event).targets == ()


def test_findings_and_items_of_the_larger_corpus_name_what_their_kind_says() -> None:
    """Given real findings and items, when they are read, each names what it is about: a principal or an instance."""
    seen: Counter[str] = Counter()
    for name, event in corpus().items():
        detail = event.get("detail", {})
        resource = detail.get("resource", {})
        kinds = {target.kind for target in read(event).targets}
        match event.get("source"), resource.get("resourceType"):
            case "aws.guardduty", "Instance":
                identity = resource["instanceDetails"]["instanceId"]
                named = is_instance_id(identity) and identity != "i-99999999"
                assert kinds == ({Kind.INSTANCE} if named else set()), name
                seen["instance"] += named
            case "aws.guardduty", _:
                filler = "GeneratedFinding" in json.dumps(resource.get("accessKeyDetails"))
                assert bool(kinds) is (not filler and "accessKeyDetails" in resource), name
                assert not kinds & {Kind.INSTANCE, Kind.OTHER}, name
                seen["principal"] += bool(kinds)
            case "aws.trustedadvisor", _:
                assert bool(kinds) is (detail.get("check-name") == "Exposed Access Keys"), name
                seen["item"] += 1
    assert min(seen.values()) > 0
    assert len(seen) == 3


def test_health_events_of_the_larger_corpus_name_instances_only_where_they_are_abused() -> None:
    """Given real Health events, when they are read, those on risk name principals, those on abuse instances."""
    seen: Counter[str] = Counter()
    for name, event in corpus().items():
        if event.get("source") != "aws.health":
            continue
        kinds = {target.kind for target in read(event).targets}
        code = str(event["detail"].get("eventTypeCode"))
        expected = Kind.INSTANCE if "ABUSE" in code else Kind.USER if "RISK" in code else None
        assert kinds == ({expected} if expected else set()), name
        seen[str(expected)] += 1
    assert len(seen) == 3
