"""What counts as an id, a name, a region or a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.model import Kind, Target
from lambdas.signals import reading

ACCOUNT = "123456789012"
_REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=500)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59, 999_000)))  # noqa: DTZ001 - hypothesis wants them so
@_REPEATABLE
def test_milliseconds_become_the_moment_that_they_are(moment: datetime) -> None:
    """Given any moment of the century in milliseconds, when it is read, it is the same moment as ISO 8601."""
    since = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000) - datetime(1970, 1, 1, tzinfo=UTC)
    read = reading.instant(str(since // timedelta(milliseconds=1)))
    assert datetime.fromisoformat(read) == datetime(1970, 1, 1, tzinfo=UTC) + since
    assert len(read) == len("2026-11-20T03:04:44.000Z")


@pytest.mark.parametrize(
    ("milliseconds", "read"),
    [
        ("951782400000", "2000-02-29T00:00:00.000Z"),
        ("951868800000", "2000-03-01T00:00:00.000Z"),
        ("1709164800000", "2024-02-29T00:00:00.000Z"),
        ("1735689599999", "2024-12-31T23:59:59.999Z"),
        (1735689600000, "2025-01-01T00:00:00.000Z"),
        ("946684799999", ""),
        ("4102444800000", ""),
        ("1.7e12", ""),
        (1.7e12, ""),
        (True, ""),
        ("", ""),
        (None, ""),
        ([], ""),
        (10**400, ""),
    ],
)
def test_only_moments_that_can_be_are_believed(milliseconds: object, read: str) -> None:
    """Given milliseconds at a turn of the calendar or none at all, when they are read, the time is right or absent."""
    assert reading.instant(milliseconds) == read


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("AROA2TESTDEPLOYROLE1:build-77", True),
        ("AROA2TESTDEPLOYROLE1:i-0a1b2c3d4e5f60718", True),
        ("AROA2TESTDEPLOYROLE1:jo@example.org", True),
        ("AROA2TESTDEPLOYROLE1:a=b,c+d_e.f", True),
        ("AROA2TESTDEPLOYROLE1:" + "a" * 64, True),
        ("AROA2TESTDEPLOYROLE1:" + "a" * 65, False),
        ("AROA2TESTDEPLOYROLE1:a", False),
        ("AROA2TESTDEPLOYROLE1:", False),
        ("AROA2TESTDEPLOYROLE1", False),
        ("AROA2TESTDEPLOYROLE1:*", False),
        ("AROA2TESTDEPLOYROLE1:ab:cd", False),
        ("AROA2TESTDEPLOYROLE1:${aws:userid}", False),
        ("AROA2TESTDEPLOYROLE1:two words", False),
        ("AROA2TESTDEPLOYROLE1:b\u00fcro", False),
        ("AROA2TESTDEPLOYROLE1:build\n", False),
        ("AROA*:build-77", False),
        ("AIDA2TESTBUILDUSER01:build-77", False),
        ("aroa2testdeployrole1:build-77", False),
    ],
)
def test_a_session_s_id_holds_nothing_that_a_policy_could_read(value: str, is_one: bool) -> None:  # noqa: FBT001 - a table's column
    """Given an id of a session, when it is judged, only STS' own characters pass: no wildcard, no variable."""
    assert reading.is_role_session_id(value) is is_one


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("us-east-1", True),
        ("ap-southeast-2", True),
        ("us-gov-west-1", True),
        ("us-isob-east-1", True),
        ("eusc-de-east-1", True),
        ("cn-north-1", True),
        ("global", False),
        ("aws-global", False),
        ("us-east-1a", False),
        ("us-east-1.example.org", False),
        ("US-EAST-1", False),
        ("", False),
    ],
)
def test_a_region_is_known_by_its_form(value: str, is_one: bool) -> None:  # noqa: FBT001 - a table's column
    """Given a name, when it is judged, it is a region's if it has the form of one."""
    assert reading.is_region(value) is is_one


@pytest.mark.parametrize(
    ("arn", "read"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/deploy", (ACCOUNT, "deploy")),
        (
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
            (ACCOUNT, "AWSServiceRoleForX"),
        ),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/ops/deploy", (ACCOUNT, "deploy")),
        (f"arn:aws:iam::{ACCOUNT}:user/deploy", ("", "")),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/x1", ("", "")),
        (f"arn:aws:iam::{ACCOUNT}:role/a b", ("", "")),
        ("deploy", ("", "")),
    ],
)
def test_a_role_is_read_from_its_arn_with_or_without_a_path(arn: str, read: tuple[str, str]) -> None:
    """Given an ARN, when a role is looked for, its account and its name without the path are given."""
    assert reading.role_of(arn) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (f"{ACCOUNT}:bob", (ACCOUNT, "bob")),
        (f"{ACCOUNT}:" + "b" * 32, (ACCOUNT, "b" * 32)),
        (f"{ACCOUNT}:" + "b" * 33, ("", "")),
        (f"{ACCOUNT}:b", ("", "")),
        (f"{ACCOUNT}:", ("", "")),
        ("1234:bob", ("", "")),
        (f"{ACCOUNT}:bob:eve", ("", "")),
        (f"{ACCOUNT}:*", ("", "")),
    ],
)
def test_a_federated_user_is_an_account_and_a_name(value: str, read: tuple[str, str]) -> None:
    """Given an id, when it is read as a federated user's, it is an account and a name of STS' length, or nothing."""
    assert reading.federated(value) == read


def test_an_instance_s_arn_says_more_than_its_id() -> None:
    """Given an id or an ARN, when it is read, the ARN's own account and region count, else those of the event."""
    mine = Target(kind=Kind.INSTANCE, id="i-0a1b2c3d", account=ACCOUNT, region="us-east-1")
    theirs = Target(kind=Kind.INSTANCE, id="i-0a1b2c3d", account="210987654321", region="eu-west-1")
    assert reading.instance("i-0a1b2c3d", ACCOUNT, "us-east-1") == mine
    assert reading.instance("arn:aws:ec2:eu-west-1:210987654321:instance/i-0a1b2c3d", ACCOUNT, "us-east-1") == theirs
    assert reading.instance("arn:aws:ec2:eu-west-1:210987654321:instance/i-0a1b2c3d4", ACCOUNT, "us-east-1") is None
    assert reading.instance("vol-0a1b2c3d", ACCOUNT, "us-east-1") is None
