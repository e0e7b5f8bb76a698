"""IAM's credential report: of every user and of root, which credentials there are, how old, and when they were used.

AWS makes it when asked, at most every four hours: within that time an older one is given, and says when it was made.

May touch: iam:GenerateCredentialReport, iam:GetCredentialReport.
Never: waits longer than its time.
"""

from __future__ import annotations

import csv
import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas import aws, errors
from lambdas.aws import Grant
from lambdas.investigation import asking

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from lambdas.investigation.asking import Deadline

ROOT = "<root_account>"
_PAUSE = 0.5
_NOT_YET = ("ReportInProgress", "ReportNotPresent", "ReportExpired")

GRANTS = (
    Grant(action="iam:GenerateCredentialReport", resource="*"),
    Grant(action="iam:GetCredentialReport", resource="*"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One of the two keys that a user can have: ``since`` is when it was made or its status was last changed."""

    active: bool
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the report says of a user, or of root, of whose password it says nothing."""

    user: str
    password: bool
    mfa: bool
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report, by user, and when AWS made it."""

    rows: dict[str, Row]
    made_at: str = ""


def read(iam: Any, deadline: Deadline, sleep: Callable[[float], None] = time.sleep) -> Report:  # noqa: ANN401  (boto3's clients are made at run time)
    """Have the report made, and read it. Raises Unavailable when it is not ready in time, or what AWS' errors are."""
    while True:
        with aws.translated():
            state = iam.generate_credential_report().get("State")
        if state == "COMPLETE":
            answers: list[Any] = []
            with aws.excused(*_NOT_YET):
                answers.append(iam.get_credential_report())
            if answers:
                return _report(answers[0])
        if deadline.left() <= _PAUSE:
            raise errors.Unavailable("The credential report was not ready in time.")
        sleep(_PAUSE)


def _report(answer: Any) -> Report:  # noqa: ANN401  (as above)
    text = bytes(answer.get("Content", b"")).decode("utf-8", "replace")
    made_at = asking.moment(answer.get("GeneratedTime"))
    rows = [_row(line) for line in csv.DictReader(io.StringIO(text)) if line.get("user")]
    return Report(rows={row.user: row for row in rows}, made_at=asking.iso(made_at) if made_at else "")


def _row(line: dict[str, str]) -> Row:
    return Row(
        user=str(line["user"]),
        password=_true(line.get("password_enabled")),
        mfa=_true(line.get("mfa_active")),
        keys=tuple(
            Key(
                active=_true(line.get(f"access_key_{number}_active")),
                since=asking.moment(line.get(f"access_key_{number}_last_rotated")),
            )
            for number in (1, 2)
        ),
    )


def _true(value: str | None) -> bool:
    return (value or "").lower() == "true"
