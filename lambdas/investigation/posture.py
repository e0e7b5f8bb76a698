"""What decides whether it happens again: root, passwords, keys, trails, detectors, defaults. Each is a check.

A check is ``{"check", "ok", "detail", "next"}``: what should be so, whether it is (None: not known, and ``detail`` says
why), and what to do when it is not. A check of every region is one check, whose detail names where it is not so.

The credential report may be four hours old. Of a trail it is known whether it is logging, not whether anybody reads it.

May touch: iam:GetAccountSummary, iam:GetAccountPasswordPolicy, iam:GenerateCredentialReport, iam:GetCredentialReport;
s3:GetAccountPublicAccessBlock; cloudtrail:DescribeTrails, cloudtrail:GetTrailStatus; guardduty:ListDetectors,
guardduty:GetDetector; ec2:GetEbsEncryptionByDefault, ec2:GetInstanceMetadataDefaults, ec2:DescribeInstances.
Never: changes anything; calls a check passed that was not answered everywhere.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lambdas import aws
from lambdas.aws import Grant
from lambdas.investigation import asking, credential_report
from lambdas.investigation.asking import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from lambdas.actions.shape import Clients
    from lambdas.investigation.asking import Answers, Deadline, Missed
    from lambdas.investigation.credential_report import Report, Row
    from lambdas.model import Json

GRANTS = (
    Grant(action="iam:GetAccountSummary", resource="*"),
    Grant(action="iam:GetAccountPasswordPolicy", resource="*"),
    *credential_report.GRANTS,
    Grant(action="s3:GetAccountPublicAccessBlock", resource="*"),
    Grant(action="cloudtrail:DescribeTrails", resource="*"),
    Grant(action="cloudtrail:GetTrailStatus", resource="*"),
    Grant(action="guardduty:ListDetectors", resource="*"),
    Grant(action="guardduty:GetDetector", resource="*"),
    Grant(action="ec2:GetEbsEncryptionByDefault", resource="*"),
    Grant(action="ec2:GetInstanceMetadataDefaults", resource="*"),
    Grant(action="ec2:DescribeInstances", resource="*"),
)

#: A key that is older is old; a password that is shorter is short.
OLD_DAYS = 90
_LONG = 14
_TRAILS = 20
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What posture is taken of: an account, in these regions; ``now`` is what old is measured from."""

    clients: Clients
    deadline: Deadline
    account: str
    regions: Sequence[str]
    now: datetime
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: ``next`` is only said when it is not ok."""

    check: str
    ok: bool | None
    detail: str = ""
    next: str = ""

    def as_json(self) -> Json:
        """Give the check as the findings hold it."""
        following = "" if self.ok else self.next
        return {"check": self.check, "ok": self.ok, "detail": self.detail, "next": following}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Everywhere:
    """A check of every region: what is asked, and what an answer that is not empty says is wrong there."""

    check: str
    asks: str
    next: str
    wrong: Callable[[Clients, Deadline, str], str]


def take(where: Where) -> tuple[list[Json], list[str]]:
    """Give the findings' ``posture``, and the sentences of what is not known. Raises nothing."""
    account = [Question(what=what, asks=asks, ask=_part(check, where)) for what, asks, _, check in _ACCOUNT]
    regions = [
        Question(what=one.check, where=region, asks=one.asks, ask=_region(one, where, region))
        for one in _EVERYWHERE
        for region in where.regions
    ]
    trails = [
        Question(what=_TRAIL, where=region, asks=_TRAIL_ASKS, ask=_trails(where, region)) for region in where.regions
    ]
    answers = asking.ask([*account, *regions, *trails], where.deadline)
    checks = [check for given in answers.given if isinstance(given, _Checks) for check in given.checks]
    checks += _unanswered(answers.missed)
    checks.append(_trail(answers))
    checks += [_everywhere(one, answers, len(where.regions)) for one in _EVERYWHERE]
    return [check.as_json() for check in checks], asking.sentences(answers.missed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checks:
    """The checks that one question about the account answers."""

    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What one check says of one region: nothing when all is well."""

    check: str
    region: str
    wrong: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trail:
    """A trail, and what is wrong with it: nothing when it is logging."""

    arn: str
    name: str
    everywhere: bool
    wrong: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trails:
    """The trails that one region knows."""

    trails: tuple[_Trail, ...]


def _part(check: Callable[[Where], Iterator[Check]], where: Where) -> Callable[[], Any]:
    return lambda: _Checks(checks=tuple(check(where)))


def _region(one: _Everywhere, where: Where, region: str) -> Callable[[], Any]:
    return lambda: _Place(check=one.check, region=region, wrong=one.wrong(where.clients, where.deadline, region))


def _unanswered(missed: Sequence[Missed]) -> Iterator[Check]:
    """Say of each check of the account that was not answered that it is not known."""
    for one in missed:
        for what, _, titles, _ in _ACCOUNT:
            if one.what.startswith(what) and not one.where:
                yield from (Check(check=title, ok=None, detail=f"Not known: {one.why}.") for title in titles)


def _everywhere(one: _Everywhere, answers: Answers[Any], regions: int) -> Check:
    places = [given for given in answers.given if isinstance(given, _Place) and given.check == one.check]
    wrong = [place for place in places if place.wrong]
    said = "; ".join(f"{place.region}: {place.wrong}" for place in wrong[:40])
    unknown = regions - len(places)
    if unknown:
        said = "; ".join([*([said] if said else []), f"not known in {unknown} of {regions} regions"])
    ok = False if wrong else None if unknown or not regions else True
    return Check(check=one.check, ok=ok, detail=said, next=one.next)


# Root, passwords and keys.

_NO_ROOT_KEY = "Root has no access keys"
_ROOT_MFA = "Root signs in with MFA"
_USER_MFA = "Every user with a password has MFA"
_YOUNG_KEYS = f"No active access key is older than {OLD_DAYS} days"
_POLICY = f"Passwords have at least {_LONG} characters"
_NOT_PUBLIC = "S3 blocks public access for the whole account"


def _root(where: Where) -> Iterator[Check]:
    with aws.translated():
        summary = where.clients("iam").get_account_summary()["SummaryMap"]
    keys = summary.get("AccountAccessKeysPresent")
    yield Check(
        check=_NO_ROOT_KEY,
        ok=None if keys is None else not keys,
        detail="" if not keys else "Root has an access key, which no policy in the account can hold back.",
        next="Sign in as root and delete its access keys, once nothing uses them.",
    )
    mfa = summary.get("AccountMFAEnabled")
    yield Check(
        check=_ROOT_MFA,
        ok=None if mfa is None else bool(mfa),
        detail="" if mfa else "Root has no MFA device.",
        next="Sign in as root and register an MFA device; or have the organization remove root's credentials.",
    )


def _users(where: Where) -> Iterator[Check]:
    report = credential_report.read(where.clients("iam"), where.deadline, where.sleep)
    rows = [row for row in report.rows.values() if row.user != credential_report.ROOT]
    bare = [row.user for row in rows if row.password and not row.mfa]
    yield Check(
        check=_USER_MFA,
        ok=not bare,
        detail=_dated(f"Without MFA: {asking.some(bare)}.", report) if bare else "",
        next="Have these users register an MFA device, or take their passwords away.",
    )
    before = where.now - timedelta(days=OLD_DAYS)
    old = [row.user for row in report.rows.values() if _has_old_key(row, before)]
    yield Check(
        check=_YOUNG_KEYS,
        ok=not old,
        detail=_dated(f"With an old key: {asking.some(old)}.", report) if old else "",
        next="Replace the old keys, by roles where possible.",
    )


def _has_old_key(row: Row, before: datetime) -> bool:
    return any(key.active and key.since is not None and key.since < before for key in row.keys)


def _dated(said: str, report: Report) -> str:
    return f"{said} As of {report.made_at}." if report.made_at else said


def _password_policy(where: Where) -> Iterator[Check]:
    policies: list[Any] = []
    with aws.excused("NoSuchEntity"):
        policies.append(where.clients("iam").get_account_password_policy()["PasswordPolicy"])
    length = policies[0].get("MinimumPasswordLength", 0) if policies else 0
    detail = f"At least {length} characters." if policies else "There is no password policy: AWS' default applies."
    yield Check(
        check=_POLICY,
        ok=length >= _LONG,
        detail="" if length >= _LONG else detail,
        next=f"aws iam update-account-password-policy --minimum-password-length={_LONG}",
    )


def _public_access(where: Where) -> Iterator[Check]:
    blocks: list[Any] = []
    with aws.excused("NoSuchPublicAccessBlockConfiguration"):
        answer = where.clients("s3control").get_public_access_block(AccountId=where.account)
        blocks.append(answer["PublicAccessBlockConfiguration"])
    off = [name for name in _BLOCKS if not (blocks and blocks[0].get(name) is True)]
    yield Check(
        check=_NOT_PUBLIC,
        ok=not off,
        detail=f"Off: {', '.join(off)}." if off else "",
        next="Switch it on for the account, once no bucket is meant to be public.",
    )


_ACCOUNT: tuple[tuple[str, str, tuple[str, ...], Callable[[Where], Iterator[Check]]], ...] = (
    ("root's credentials", "iam:GetAccountSummary", (_NO_ROOT_KEY, _ROOT_MFA), _root),
    (
        "the credential report",
        "iam:GenerateCredentialReport, iam:GetCredentialReport",
        (_USER_MFA, _YOUNG_KEYS),
        _users,
    ),
    ("the password policy", "iam:GetAccountPasswordPolicy", (_POLICY,), _password_policy),
    ("the account's public access block", "s3:GetAccountPublicAccessBlock", (_NOT_PUBLIC,), _public_access),
)

# Trails.

_TRAIL = "A trail records every region and is logging now"
_TRAIL_ASKS = "cloudtrail:DescribeTrails, cloudtrail:GetTrailStatus"


def _trails(where: Where, region: str) -> Callable[[], Any]:
    def ask() -> _Trails:
        client = where.clients("cloudtrail", region=region)
        with aws.translated():
            # Trails of other regions and of the organization that record this one too are in the answer.
            known = client.describe_trails(includeShadowTrails=True)["trailList"]
        own = [one for one in known if _asked_in(one, where.regions) == region]
        return _Trails(trails=tuple(_read_trail(client, one) for one in own[:_TRAILS]))

    return ask


def _asked_in(trail: Json, regions: Sequence[str]) -> str:
    """Say in which region a trail is asked for: its own or, when that is not looked at, the first."""
    home = str(trail.get("HomeRegion", ""))
    return home if home in regions else regions[0]


def _read_trail(client: Any, trail: Json) -> _Trail:  # noqa: ANN401  (boto3's clients are made at run time)
    arn, name = str(trail.get("TrailARN", "")), str(trail.get("Name", ""))[:256]
    read = _Trail(arn=arn, name=name, everywhere=trail.get("IsMultiRegionTrail") is True, wrong="")
    statuses: list[Any] = []
    with aws.excused("TrailNotFoundException"):
        statuses.append(client.get_trail_status(Name=arn))
    return replace(read, wrong=_wrong(statuses[0]) if statuses else "cannot be read")


def _wrong(status: Json) -> str:
    if status.get("IsLogging") is not True:
        stopped = asking.moment(status.get("StopLoggingTime"))
        return f"stopped {asking.iso(stopped)}" if stopped else "not logging"
    failed = str(status.get("LatestDeliveryError") or "")
    return f"cannot deliver ({failed[:80]})" if failed else ""


def _trail(answers: Answers[Any]) -> Check:
    trails = [trail for given in answers.given if isinstance(given, _Trails) for trail in given.trails]
    missed = any(one.what.startswith(_TRAIL) for one in answers.missed)
    good = [trail for trail in trails if trail.everywhere and not trail.wrong]
    said = [f"{trail.name}: {trail.wrong}" for trail in trails if trail.wrong]
    said += [f"{trail.name}: records one region only" for trail in trails if not trail.everywhere and not trail.wrong]
    detail = "; ".join(said[:20]) if trails else "No trail was found." if not missed else "Not known everywhere."
    return Check(
        check=_TRAIL,
        ok=True if good else None if missed else False,
        detail=detail,
        next="Start the trail again (aws cloudtrail start-logging --name=<its ARN>), or make one for all regions.",
    )


# What every region has of its own.


def _detector(clients: Clients, deadline: Deadline, region: str) -> str:
    client, cut = clients("guardduty", region=region), list[str]()
    with aws.translated():
        for page in asking.pages(client, "list_detectors", deadline, cut):
            for detector in asking.rows(page, ["DetectorIds"]):
                if client.get_detector(DetectorId=detector).get("Status") == "ENABLED":
                    return ""
                return "suspended"
    return "off"


def _encryption(clients: Clients, _: Deadline, region: str) -> str:
    with aws.translated():
        answer = clients("ec2", region=region).get_ebs_encryption_by_default()
    return "" if answer.get("EbsEncryptionByDefault") is True else "off"


def _metadata_default(clients: Clients, _: Deadline, region: str) -> str:
    with aws.translated():
        answer = clients("ec2", region=region).get_instance_metadata_defaults()
    return "" if (answer.get("AccountLevel") or {}).get("HttpTokens") == "required" else "not required"


def _open_metadata(clients: Clients, deadline: Deadline, region: str) -> str:
    cut: list[str] = []
    filters = [
        {"Name": "metadata-options.http-tokens", "Values": ["optional"]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
    ]
    client = clients("ec2", region=region)
    with aws.translated():
        pages = asking.pages(client, "describe_instances", deadline, cut, Filters=filters, MaxResults=500)
        found = [one for page in pages for one in asking.rows(page, ["Reservations", "Instances", "InstanceId"])]
    if not found:
        return ""
    return f"{len(found)}{' or more' if cut else ''} (such as {asking.some(found, 3)})"


_EVERYWHERE = (
    _Everywhere(
        check="GuardDuty is on in every region",
        asks="guardduty:ListDetectors, guardduty:GetDetector",
        next="Switch GuardDuty on in these regions, also in those that nobody uses.",
        wrong=_detector,
    ),
    _Everywhere(
        check="New volumes are encrypted in every region",
        asks="ec2:GetEbsEncryptionByDefault",
        next="aws ec2 enable-ebs-encryption-by-default, in each of these regions",
        wrong=_encryption,
    ),
    _Everywhere(
        check="New instances require IMDSv2 in every region",
        asks="ec2:GetInstanceMetadataDefaults",
        next="aws ec2 modify-instance-metadata-defaults --http-tokens=required, in each of these regions",
        wrong=_metadata_default,
    ),
    _Everywhere(
        check="No instance answers without IMDSv2",
        asks="ec2:DescribeInstances",
        next="aws ec2 modify-instance-metadata-options --http-tokens=required, for each of these instances",
        wrong=_open_metadata,
    ),
)
