"""The table of suspicious calls: whole sentences, known tactics, and nothing missing that others watch."""

from __future__ import annotations

import re

import pytest

from lambdas.investigation import suspicious
from lambdas.investigation.suspicious import SUSPICIONS, find
from tests.unit.trail import LOGS, data, log

TACTICS = {
    "TA0001": suspicious.ENTER,
    "TA0002": suspicious.RUN,
    "TA0003": suspicious.STAY,
    "TA0004": suspicious.RISE,
    "TA0005": suspicious.HIDE,
    "TA0006": suspicious.STEAL,
    "TA0007": suspicious.LOOK,
    "TA0008": suspicious.MOVE,
    "TA0009": suspicious.GATHER,
    "TA0010": suspicious.TAKE,
    "TA0040": suspicious.HARM,
    "TA0042": suspicious.PREPARE,
}

#: Data events, which LookupEvents never gives, and names that others watch for what is no attack on an account.
NOT_OURS = {
    ("s3", "GetObject"),
    ("s3", "PutObject"),
    ("s3", "CopyObject"),
    ("s3", "DeleteObject"),
    ("s3", "ListObjects"),
    ("s3", "JobCreated"),
    ("lambda", "Invoke"),
    ("ses", "GetIdentityVerificationAttributes"),
    ("bedrock", "PutResourcePolicy"),
    ("bedrock", "DeleteResourcePolicy"),
}


@pytest.mark.parametrize("row", SUSPICIONS.values(), ids=lambda row: f"{row.service}-{row.name}")
def test_a_row_is_whole(row: suspicious.Suspicion) -> None:
    """Given a row, it has a sentence, known tactics, well-formed techniques and a weight."""
    assert re.fullmatch(r"[A-Z][^\n]{10,110}\.", row.why)
    assert row.tactics
    assert set(row.tactics) <= set(TACTICS.values())
    assert row.techniques
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", one) for one in row.techniques)
    assert row.weight in {1, 2, 3}
    assert (row.weight == 1) or suspicious.LOOK not in row.tactics or row.weight < 3
    assert row.name == suspicious.plain(row.name), "a version belongs into no name"


def watched() -> list[tuple[str, str, set[str], int]]:
    """List what published rules watch: service, name, techniques without their parts, number of rules."""
    events = data("suspicious_cloudtrail_events.json")["events"]
    return [
        (
            one["eventSource"].partition(".")[0],
            suspicious.plain(one["eventName"]),
            {technique.strip(":").partition(".")[0] for technique in one["primary_techniques"]},
            one["n_rules"],
        )
        for one in events
        if one["eventSource"]
    ]


def test_what_several_published_rules_watch_is_in_the_table() -> None:
    """Given the events that at least two published rules watch, each is in the table, but for data events."""
    missing = {(service, name) for service, name, _, rules in watched() if rules > 1 and not find(service, name)}
    assert missing <= NOT_OURS


def test_techniques_agree_with_what_is_published() -> None:
    """Given the events of others that are in the table too, at least 19 in 20 share a technique with ours."""
    both = [(row, theirs) for service, name, theirs, _ in watched() if theirs and (row := find(service, name))]
    agree = sum(bool({one.partition(".")[0] for one in row.techniques} & theirs) for row, theirs in both)
    assert len(both) > 250
    assert agree / len(both) > 0.95


@pytest.mark.parametrize(
    "name",
    [
        "StopLogging",
        "DeleteTrail",
        "UpdateTrail",
        "PutEventSelectors",
        "DeleteDetector",
        "UpdateDetector",
        "DeleteFlowLogs",
        "StopConfigurationRecorder",
        "DeleteLogGroup",
        "DeleteAlarms",
        "DeleteResolverQueryLogConfig",
    ],
)
def test_what_touches_the_recording_is_marked(name: str) -> None:
    """Given a call that takes records or warnings away, it is marked, and weighs most."""
    rows = [row for row in SUSPICIONS.values() if row.name == name]
    assert rows
    assert all(row.logging and row.weight == 3 for row in rows)


def test_a_look_at_the_recording_does_not_touch_it() -> None:
    """Given calls that only read, none is marked as touching the recording."""
    assert not [
        row for row in SUSPICIONS.values() if row.logging and row.name.startswith(("Get", "List", "Describe", "Lookup"))
    ]


def test_the_version_behind_a_name_does_not_matter() -> None:
    """Given names with a version behind them, as Lambda and CloudFront have, the row is found."""
    row = find("lambda.amazonaws.com", "UpdateFunctionCode20150331v2")
    assert row is find("lambda", "UpdateFunctionCode") is not None
    assert suspicious.plain("UpdateDistribution2020_05_31") == "UpdateDistribution"
    assert find("lambda.amazonaws.com", "Nothing") is None


@pytest.mark.parametrize("log_name", LOGS)
def test_most_writes_of_real_attacks_are_in_the_table(log_name: str) -> None:
    """Given the real logs, of the kinds of writes that people made, most are known."""
    kinds = {
        (record["eventSource"], record["eventName"])
        for record in log(log_name)
        if not record["readOnly"] and record["userIdentity"].get("accessKeyId")
    }
    known = [kind for kind in kinds if find(*kind)]
    assert len(known) / len(kinds) > 0.5
