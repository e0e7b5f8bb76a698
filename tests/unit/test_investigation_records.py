"""Whatever CloudTrail sends becomes a record: nothing raises, no secret stays."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lambdas.investigation import made, records
from lambdas.investigation.lineage import Lineage, Subject, births
from tests.unit.samples import ODD, places, replaced
from tests.unit.trail import LOGS, as_event, log

_REPEATABLE = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300
)
_NAMES = """
    eventID eventTime eventName eventSource awsRegion userIdentity type principalId arn accessKeyId userName
    sessionContext sessionIssuer requestParameters responseElements credentials accessKey assumedRoleUser assumedRoleId
    federatedUser instancesSet items instanceId readOnly errorCode sourceIPAddress userAgent resources ARN expiration
    CloudTrailEvent detail EventTime ReadOnly AccessKeyId user role
""".split()  # noqa: SIM905  (a list of forty names is not read any better)
_VALUES = """
    AssumeRole RunInstances CreateUser CreateRole CreateAccessKey GetSigninToken iam.amazonaws.com ec2.amazonaws.com
    ASIAMADEUP0000000001 AKIAMADEUP0000000001 2026-11-27T03:31:00Z AssumedRole IAMUser true AROAMADEUP:session
""".split()  # noqa: SIM905  (the same)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(_VALUES),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=8), inner, max_size=8)
    ),
    max_leaves=40,
)


def read_all(event: object) -> records.Record:
    """Read an event in every way that the investigation does."""
    scrubbed = records.scrubbed(event)
    assert scrubbed == json.loads(json.dumps(scrubbed)) or "NaN" in json.dumps(scrubbed)
    json.dumps(scrubbed).encode()
    record = records.read(scrubbed)
    assert record == records.from_event(event) or "NaN" in json.dumps(scrubbed)
    assert record.event_id
    list(births(record))
    list(made.resources(record))
    lineage = Lineage()
    lineage.fold([record, record])
    lineage.tree([Subject(kind="key", value=record.key_id), Subject(kind="user", value="mallory")])
    return record


@_REPEATABLE
@given(_json)
@example({"CloudTrailEvent": "[" * 100_000})
@example({"CloudTrailEvent": '{"userIdentity": "root", "requestParameters": "not an object"}'})
@example({"userIdentity": {"sessionContext": [1], "arn": {"a": 1}}, "responseElements": "gone"})
@example({"eventTime": 1_700_000_000, "eventID": "\ud800", "eventName": "\x00"})
def test_no_json_at_all_makes_it_raise(event: object) -> None:
    """Given any JSON, when it is read, it is a record, and the same as JSON text."""
    read_all(event)
    read_all({"CloudTrailEvent": json.dumps(event)})
    read_all({"detail": event})


@pytest.mark.parametrize("log_name", LOGS)
def test_no_real_record_with_something_wrong_in_it_makes_it_raise(log_name: str) -> None:
    """Given real records with an odd value at any place, when they are read, none raises."""
    dice = random.Random(20261127)  # noqa: S311 - repeatable, not secret
    whole = log(log_name)
    for event in dice.sample(whole, 20):
        for place in dice.sample(places(event), 4):
            for odd in ODD:
                read_all(replaced(event, place, odd))


@pytest.mark.parametrize("log_name", LOGS)
def test_a_real_record_reads_the_same_from_a_trail_and_from_lookup_events(log_name: str) -> None:
    """Given real records, when LookupEvents gives them, they read like the trail's own."""
    for record in log(log_name):
        assert records.from_event(as_event(record)) == records.from_event(record)


def issued(**response: Any) -> records.Record:
    """Make the record of a call that issued something."""
    return records.from_event(
        {
            "eventID": "e-1",
            "eventName": "AssumeRole",
            "eventSource": "sts.amazonaws.com",
            "requestParameters": {"roleArn": "arn:aws:iam::111122223333:role/path/deploy", "roleSessionName": "ci"},
            "responseElements": response,
        }
    )


def test_what_a_role_s_session_is_issued_is_read() -> None:
    """Given an AssumeRole, when it is read, its credential has its expiry, its principal and its role."""
    record = issued(
        credentials={
            "accessKeyId": "ASIAMADEUP0000000001",
            "sessionToken": "IQoJ" + "a" * 300,
            "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "expiration": "Nov 27, 2026, 3:31:00\u202fPM",
        },
        assumedRoleUser={"assumedRoleId": "AROAMADEUP:ci", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/ci"},
    )
    assert record.issued == (
        records.Issued(
            key_id="ASIAMADEUP0000000001",
            kind="role_session",
            expires="2026-11-27T15:31:00Z",
            principal="AROAMADEUP:ci",
            arn="arn:aws:sts::111122223333:assumed-role/deploy/ci",
            name="deploy",
        ),
    )
    assert (
        record.response["credentials"]["sessionToken"]
        == record.response["credentials"]["secretAccessKey"]
        == "[removed]"
    )


def test_a_call_that_failed_issued_nothing() -> None:
    """Given a record with an error and, oddly, an answer, when it is read, nothing was issued."""
    event = {
        "eventName": "AssumeRole",
        "errorCode": "AccessDenied",
        "responseElements": {"credentials": {"accessKeyId": "ASIAX"}},
    }
    assert records.from_event(event).issued == ()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-27T03:31:00Z", "2026-11-27T03:31:00Z"),
        ("2026-11-27T03:31:00.123Z", "2026-11-27T03:31:00Z"),
        ("2026-11-27 03:31:00+00:00", "2026-11-27T03:31:00Z"),
        (datetime(2026, 11, 27, 3, 31, tzinfo=UTC), "2026-11-27T03:31:00Z"),
        ("Jul 10, 2023 12:23:05 PM", "2023-07-10T12:23:05Z"),
        ("Jul 1, 2023, 12:03:05 AM", "2023-07-01T00:03:05Z"),
        ("yesterday", ""),
        (None, ""),
        (1_700_000_000, ""),
    ],
)
def test_times_are_read_in_every_way_that_cloudtrail_writes_them(said: object, meant: str) -> None:
    """Given a time as CloudTrail writes it somewhere, when it is read, it is ISO 8601 in UTC, or nothing."""
    assert records.moment(said) == meant


SECRETS = {
    "password": "hunter2-hunter2",
    "newPassword": "hunter2-hunter2",
    "masterUserPassword": "hunter2-hunter2",
    "userData": "IyEvYmluL3No",
    "secretString": "hunter2-hunter2",
    "secretAccessKey": "hunter2-hunter2",
    "sessionToken": "hunter2-hunter2",
    "sAMLAssertion": "hunter2-hunter2",
    "webIdentityToken": "hunter2-hunter2",
    "privateKey": "hunter2-hunter2",
    "keyMaterial": "hunter2-hunter2",
    "authorizationToken": "hunter2-hunter2",
}


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_kept_wherever_it_stands(name: str) -> None:
    """Given a secret somewhere in a record, as value, list, object or JSON text, when it is scrubbed, it is gone."""
    for value in (SECRETS[name], [SECRETS[name]], {"value": SECRETS[name]}):
        for where in ({name: value}, {"a": [{"b": {name: value}}]}):
            kept = records.scrubbed({"eventID": "e", "requestParameters": where, "responseElements": where})
            assert SECRETS[name] not in json.dumps(kept)
            assert "[removed]" in json.dumps(kept)
    as_text = records.from_event({"eventID": "e", "requestParameters": json.dumps({name: SECRETS[name]})})
    assert SECRETS[name] not in json.dumps(as_text.request)


def test_what_only_sounds_like_a_secret_is_kept() -> None:
    """Given flags and names that have the words in them, when they are scrubbed, they stay."""
    said = {"passwordResetRequired": False, "secretId": "prod/db", "clientToken": "abc", "tokenExpired": True}
    assert records.from_event({"eventID": "e", "requestParameters": said}).request == said


def test_a_record_is_bounded() -> None:
    """Given a huge record, when it is scrubbed, texts, lists and depth end somewhere."""
    deep: Any = "end"
    for _ in range(200):
        deep = {"a": deep}
    kept = records.scrubbed(
        {"eventID": "e", "x": "y" * 100_000, "l": list(range(5_000)), "d": deep, "w": {str(n): n for n in range(999)}}
    )
    assert len(json.dumps(kept)) < 20_000


def test_a_record_without_an_id_has_the_same_one_each_time() -> None:
    """Given records without an id, when they are read, the same has the same id and another has another."""
    one, other = {"eventName": "A", "eventTime": "2026-11-27T03:31:00Z"}, {"eventName": "B"}
    assert records.from_event(one).event_id == records.from_event(dict(one)).event_id
    assert records.from_event(one).event_id != records.from_event(other).event_id


@pytest.mark.parametrize(
    ("code", "denied"),
    [
        ("AccessDenied", True),
        ("AccessDeniedException", True),
        ("Client.UnauthorizedOperation", True),
        ("UnauthorizedException", True),
        ("NotAuthorized", True),
        ("ThrottlingException", False),
        ("NoSuchBucketPolicy", False),
        ("", False),
    ],
)
def test_a_refusal_is_told_from_a_failure(code: str, denied: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Given an error code of some service, when it is read, it is known whether the caller was not permitted."""
    assert records.is_denied(code) is denied


def test_a_sign_in_that_failed_did_not_succeed() -> None:
    """Given a sign-in, when its answer says Failure, it is not one that succeeded, though it has no error code."""
    event = {"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}}
    assert not records.from_event(event).ok
    assert records.from_event({**event, "responseElements": {"ConsoleLogin": "Success"}}).ok
