"""What decides whether it happens again: each check says yes, no, or that it is not known, never yes by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lambdas import errors
from lambdas.investigation import credential_report, posture
from lambdas.investigation.asking import Deadline
from tests.unit.answering import ACCOUNT, Answering, Refusal

if TYPE_CHECKING:
    from lambdas.model import Json

NOW = datetime(2026, 11, 20, 3, 31, tzinfo=UTC)
REGIONS = ("us-east-1", "eu-west-1")
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
TRAIL = {
    "Name": "all",
    "TrailARN": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/all",
    "HomeRegion": "us-east-1",
    "IsMultiRegionTrail": True,
}
COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated"
)


def report(*users: tuple[str, bool, bool, datetime | None]) -> Json:
    """Give a credential report: of each user the name, whether there are a password and MFA, and the age of a key."""
    lines = [f"<root_account>,arn:aws:iam::{ACCOUNT}:root,,not_supported,,,,true,false,N/A,N/A,N/A,N/A,false,N/A"]
    for name, password, mfa, key in users:
        since = key.isoformat() if key else "N/A"
        lines.append(
            f'"{name}",arn:aws:iam::{ACCOUNT}:user/x,2026-01-01T00:00:00+00:00,{str(password).lower()},N/A,N/A,N/A,'
            f"{str(mfa).lower()},{str(key is not None).lower()},{since},N/A,N/A,N/A,false,N/A"
        )
    return {"Content": "\n".join([COLUMNS, *lines]).encode(), "GeneratedTime": NOW, "ReportFormat": "text/csv"}


def good() -> dict[str, Any]:
    """Give an account where everything is as it should be."""
    return {
        "iam.GetAccountSummary": {"SummaryMap": {"AccountAccessKeysPresent": 0, "AccountMFAEnabled": 1}},
        "iam.GetAccountPasswordPolicy": {
            "PasswordPolicy": {
                "MinimumPasswordLength": 14,
                "RequireSymbols": True,
                "RequireNumbers": True,
                "RequireUppercaseCharacters": True,
                "RequireLowercaseCharacters": True,
                "AllowUsersToChangePassword": True,
            }
        },
        "iam.GenerateCredentialReport": {"State": "COMPLETE"},
        "iam.GetCredentialReport": report(("ok", True, True, NOW - timedelta(days=5))),
        "s3control.GetPublicAccessBlock": {"PublicAccessBlockConfiguration": dict.fromkeys(BLOCKS, True)},
        "cloudtrail.DescribeTrails": {"trailList": [TRAIL]},
        "cloudtrail.GetTrailStatus": {"IsLogging": True},
        "guardduty.ListDetectors": {"DetectorIds": ["d" * 32]},
        "guardduty.GetDetector": {"Status": "ENABLED", "ServiceRole": "r"},
        "ec2.GetEbsEncryptionByDefault": {"EbsEncryptionByDefault": True},
        "ec2.GetInstanceMetadataDefaults": {"AccountLevel": {"HttpTokens": "required"}},
        "ec2.DescribeInstances": {"Reservations": []},
    }


def where(account: Answering, **given: Any) -> posture.Where:
    """Give what posture is given."""
    made = posture.Where(
        clients=account.clients,
        deadline=Deadline(20),
        account=ACCOUNT,
        regions=REGIONS,
        now=NOW,
        sleep=lambda _: None,
    )
    return replace(made, **given)


def checks(account: Answering, **given: Any) -> dict[str, Json]:
    """Take the posture, by check."""
    found, _ = posture.take(where(account, **given))
    by_name = {one["check"]: one for one in found}
    assert len(by_name) == len(found) == 11
    assert all(set(one) == {"check", "ok", "detail", "next"} for one in found)
    return by_name


def test_an_account_where_all_is_well_passes_every_check_with_the_calls_that_are_granted() -> None:
    """Given a good account, every check is passed, nothing is to be done, and what is called is what is granted."""
    account = Answering(good())
    found = checks(account)
    assert {one["ok"] for one in found.values()} == {True}
    assert {one["next"] for one in found.values()} == {""}
    assert account.actions() == {grant.action for grant in posture.GRANTS}
    assert posture.take(where(Answering(good())))[1] == []


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "Root has no access keys": (
        {"iam.GetAccountSummary": {"SummaryMap": {"AccountAccessKeysPresent": 1, "AccountMFAEnabled": 1}}},
        "Root has an access key",
    ),
    "Root signs in with MFA": (
        {"iam.GetAccountSummary": {"SummaryMap": {"AccountAccessKeysPresent": 0, "AccountMFAEnabled": 0}}},
        "no MFA",
    ),
    "Every user with a password has MFA": (
        {"iam.GetCredentialReport": report(("bare", True, False, None), ("robot", False, False, None))},
        "Without MFA: bare. As of 2026-11-20T03:31:00Z.",
    ),
    "No active access key is older than 90 days": (
        {"iam.GetCredentialReport": report(("old", False, False, NOW - timedelta(days=91)))},
        "With an old key: old.",
    ),
    "Passwords have at least 14 characters": (
        {"iam.GetAccountPasswordPolicy": Refusal("NoSuchEntity", 404)},
        "There is no password policy",
    ),
    "S3 blocks public access for the whole account": (
        {"s3control.GetPublicAccessBlock": Refusal("NoSuchPublicAccessBlockConfiguration", 404)},
        "Off: BlockPublicAcls",
    ),
    "A trail records every region and is logging now": (
        {"cloudtrail.GetTrailStatus": {"IsLogging": False, "StopLoggingTime": NOW}},
        "all: stopped 2026-11-20T03:31:00Z",
    ),
    "GuardDuty is on in every region": (
        {"guardduty.ListDetectors": lambda region, _: {"DetectorIds": ["d"] if region == "us-east-1" else []}},
        "eu-west-1: off",
    ),
    "New volumes are encrypted in every region": (
        {"ec2.GetEbsEncryptionByDefault": {"EbsEncryptionByDefault": False}},
        "us-east-1: off; eu-west-1: off",
    ),
    "New instances require IMDSv2 in every region": (
        {"ec2.GetInstanceMetadataDefaults": {}},
        "us-east-1: not required; eu-west-1: not required",
    ),
    "No instance answers without IMDSv2": (
        {"ec2.DescribeInstances": {"Reservations": [{"Instances": [{"InstanceId": "i-01234567"}]}]}},
        "us-east-1: 1 (such as i-01234567)",
    ),
}


@pytest.mark.parametrize("check", BAD)
def test_what_is_not_as_it_should_be_fails_its_check_and_no_other(check: str) -> None:
    """Given one thing that is wrong, its check fails with what is wrong and what to do; the others pass."""
    answers, detail = BAD[check]
    found = checks(Answering(good() | answers))
    assert [name for name, one in found.items() if one["ok"] is not True] == [check]
    assert found[check]["ok"] is False
    assert detail in found[check]["detail"]
    assert found[check]["next"]


@pytest.mark.parametrize("check", BAD)
def test_what_was_refused_is_not_known(check: str) -> None:
    """Given a call that is refused, its checks are not known, and a sentence says which permission is missing."""
    answers, _ = BAD[check]
    account = Answering(good() | dict.fromkeys(answers, Refusal("AccessDenied", 403)))
    found, unknown = posture.take(where(account))
    assert {one["ok"] for one in found if one["check"] == check} == {None}
    assert len(unknown) == 1
    assert "the role may not ask" in unknown[0]


def test_a_check_that_one_region_did_not_answer_is_not_passed() -> None:
    """Given a region that is refused, a check of every region is not passed, and one that fails elsewhere fails."""
    account = Answering(good())
    account.answers["ec2.GetEbsEncryptionByDefault"] = lambda region, _: (
        Refusal("UnauthorizedOperation", 403) if region == "eu-west-1" else {"EbsEncryptionByDefault": True}
    )
    one = checks(account)["New volumes are encrypted in every region"]
    assert (one["ok"], one["detail"]) == (None, "not known in 1 of 2 regions")
    account.answers["ec2.GetEbsEncryptionByDefault"] = lambda region, _: (
        Refusal("UnauthorizedOperation", 403) if region == "eu-west-1" else {"EbsEncryptionByDefault": False}
    )
    one = checks(account)["New volumes are encrypted in every region"]
    assert (one["ok"], one["detail"]) == (False, "us-east-1: off; not known in 1 of 2 regions")


@pytest.mark.parametrize(
    ("trails", "status", "ok", "detail"),
    [
        ([], {}, False, "No trail was found."),
        ([TRAIL | {"IsMultiRegionTrail": False}], {"IsLogging": True}, False, "all: records one region only"),
        (
            [TRAIL],
            {"IsLogging": True, "LatestDeliveryError": "NoSuchBucket"},
            False,
            "all: cannot deliver (NoSuchBucket)",
        ),
        ([TRAIL], Refusal("TrailNotFoundException"), False, "all: cannot be read"),
        ([TRAIL | {"HomeRegion": "ap-south-1"}], {"IsLogging": True}, True, ""),
    ],
)
def test_a_trail_counts_when_it_records_every_region_and_delivers(
    trails: list[Json],
    status: Any,  # noqa: ANN401 - an answer
    ok: bool,  # noqa: FBT001 - what is expected
    detail: str,
) -> None:
    """Given trails of several kinds, the check is passed by one that is of all regions, logging and delivering."""
    account = Answering(
        good() | {"cloudtrail.DescribeTrails": {"trailList": trails}, "cloudtrail.GetTrailStatus": status}
    )
    one = checks(account)["A trail records every region and is logging now"]
    assert (one["ok"], one["detail"]) == (ok, detail)
    assert account.times("GetTrailStatus") == len(trails)


def test_a_detector_that_is_suspended_is_not_on() -> None:
    """Given a detector that is disabled, GuardDuty counts as suspended there."""
    account = Answering(good() | {"guardduty.GetDetector": {"Status": "DISABLED", "ServiceRole": "r"}})
    assert "us-east-1: suspended" in checks(account)["GuardDuty is on in every region"]["detail"]


def test_a_report_that_is_not_ready_is_waited_for() -> None:
    """Given a report that takes three looks, it is read in the end."""
    looks = iter([{"State": "STARTED"}, {"State": "INPROGRESS"}, {"State": "COMPLETE"}, {"State": "COMPLETE"}])
    reports = iter([Refusal("ReportInProgress", 404), report(("u", True, True, None))])
    account = Answering(
        {"iam.GenerateCredentialReport": lambda *_: next(looks), "iam.GetCredentialReport": lambda *_: next(reports)}
    )
    slept: list[float] = []
    found = credential_report.read(account.clients("iam"), Deadline(20), slept.append)
    assert set(found.rows) == {"u", credential_report.ROOT}
    assert found.made_at == "2026-11-20T03:31:00Z"
    assert len(slept) == 3
    assert account.actions() == {grant.action for grant in credential_report.GRANTS}


def test_a_report_that_is_never_ready_is_not_waited_for_longer_than_the_time() -> None:
    """Given a report that stays away, Unavailable is raised when the time is up, and the checks are not known."""
    account = Answering({"iam.GenerateCredentialReport": {"State": "INPROGRESS"}})
    seconds = iter(range(100))
    with pytest.raises(errors.Unavailable):
        credential_report.read(account.clients("iam"), Deadline(5, clock=lambda: next(seconds)), lambda _: None)
    assert account.times("GenerateCredentialReport") <= 6
    late = Answering(good() | {"iam.GenerateCredentialReport": {"State": "INPROGRESS"}})
    found, unknown = posture.take(where(late, deadline=Deadline(1.0)))
    assert {one["ok"] for one in found if "key is older" in one["check"] or "has MFA" in one["check"]} == {None}
    assert any(said.startswith("Not read: the credential report") for said in unknown)


def test_no_regions_are_not_all_regions() -> None:
    """Given no region at all, the checks of every region are not passed."""
    found = checks(Answering(good()), regions=())
    assert found["GuardDuty is on in every region"]["ok"] is None
    assert found["A trail records every region and is logging now"]["ok"] is not True


def test_the_names_in_a_check_are_bounded() -> None:
    """Given a thousand users without MFA, ten are named and the rest is counted."""
    users = [(f"user-{number}", True, False, None) for number in range(1000)]
    one = checks(Answering(good() | {"iam.GetCredentialReport": report(*users)}))["Every user with a password has MFA"]
    assert "and 990 more" in one["detail"]
    assert len(one["detail"]) < 300
