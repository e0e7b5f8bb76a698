"""Clients, and AWS' errors translated once into ours.

Every client of a function comes from one session, made on first use: a session costs more than a
client. Time limits are short, because a step that waits is a step that does not contain.

May touch: nothing by itself; it makes the clients that others call with.
Never: lets a botocore error, whose text may hold a whole key id, leave in a traceback.
"""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004  (botocore's name)

from lambdas import errors, text

if TYPE_CHECKING:
    from collections.abc import Iterator

#: For the calls that matter: two tries, a second to connect, three to answer.
STANDARD = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"total_max_attempts": 2, "mode": "standard"},
    max_pool_connections=24,  # as many as any function asks at once
)

#: For a call that makes something anew each time it is made: one try, with time for the answer.
ONCE = Config(connect_timeout=1, read_timeout=10, retries={"total_max_attempts": 1, "mode": "standard"})

#: For a call of one function by another, which takes as long as that one does: one try.
PATIENT = Config(connect_timeout=1, read_timeout=20, retries={"total_max_attempts": 1, "mode": "standard"})

#: For the incident table: containment goes on without it after at most a second.
HASTY = Config(connect_timeout=0.5, read_timeout=1, retries={"total_max_attempts": 1, "mode": "standard"})

#: The AWS-managed policy that denies everything.
DENY_ALL = "AWSDenyAll"

_BY_CODE: dict[str, type[errors.TourniquetError]] = {
    "NoSuchEntity": errors.TargetGone,
    "ResourceNotFoundException": errors.TargetGone,
    "InvalidInstanceID.NotFound": errors.TargetGone,
    "InvalidInstanceID.Malformed": errors.TargetGone,
    "InvalidAssociationID.NotFound": errors.TargetGone,
    "TargetGroupNotFound": errors.TargetGone,
    "AccessPointNotFound": errors.TargetGone,
    "LoadBalancerNotFound": errors.TargetGone,
    "ExecutionDoesNotExist": errors.TargetGone,
    "TaskDoesNotExist": errors.TargetGone,
    "TaskTimedOut": errors.TargetGone,
    "LimitExceeded": errors.QuotaFull,
    "SecurityGroupLimitExceeded": errors.QuotaFull,
    "SnapshotLimitExceeded": errors.QuotaFull,
    "PendingSnapshotLimitExceeded": errors.QuotaFull,
    "ConcurrentSnapshotLimitExceeded": errors.QuotaFull,
    "AccessDenied": errors.NotPermitted,
    "AccessDeniedException": errors.NotPermitted,
    "UnauthorizedOperation": errors.NotPermitted,
    "AuthorizationError": errors.NotPermitted,
    "OperationNotPermitted": errors.NotPermitted,
    "UnmodifiableEntity": errors.NotPermitted,
    "Throttling": errors.Throttled,
    "ThrottlingException": errors.Throttled,
    "TooManyRequestsException": errors.Throttled,
    "RequestLimitExceeded": errors.Throttled,
    "ProvisionedThroughputExceededException": errors.Throttled,
    "SnapshotCreationPerVolumeRateExceeded": errors.Throttled,
    "ResourceContention": errors.Throttled,
    "ScalingActivityInProgress": errors.Throttled,
    "SlowDown": errors.Throttled,
    "ConcurrentModification": errors.Throttled,
    "EntityTemporarilyUnmodifiable": errors.Throttled,
    # Parts of an instance: one that EC2 does not know, or not yet, does not mean that the instance is gone.
    "InvalidNetworkInterfaceID.NotFound": errors.Unavailable,
    "InvalidGroup.NotFound": errors.Unavailable,
    "InvalidVolume.NotFound": errors.Unavailable,
    "InvalidSnapshot.NotFound": errors.Unavailable,
    "ServiceFailure": errors.Unavailable,
    "ServiceUnavailable": errors.Unavailable,
    "InternalError": errors.Unavailable,
    "InternalFailure": errors.Unavailable,
    "InternalServerError": errors.Unavailable,
    "RequestTimeout": errors.Unavailable,
}
#: What a code means only of some calls: to S3, an ``InvalidToken`` is the caller's own.
_BY_CALL: dict[tuple[str, str], type[errors.TourniquetError]] = {
    ("SendTaskSuccess", "InvalidToken"): errors.TargetGone,
    ("SendTaskFailure", "InvalidToken"): errors.TargetGone,
}
_SERVER_ERROR = 500
_making = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One permission: an IAM action on a resource, with the condition that narrows it.

    ``resource`` and the condition's values may hold ``{partition}``, ``{account}``, ``{region}`` and
    the names that the stack binds (``{table}``, ``{topic}`` …). ``implied_by`` names the call that
    needs this grant without making a call of this name.
    """

    action: str
    resource: str
    condition: tuple[tuple[str, str, str], ...] = ()
    implied_by: str = ""


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session()


@functools.cache
def client(service: str, *, hasty: bool = False, once: bool = False, patient: bool = False, region: str = "") -> Any:  # noqa: ANN401  (boto3's clients are made at run time)
    """Give the function's client of a service, in another region where one is named.

    ``hasty`` gives up after a second instead of eight; ``once`` waits ten seconds for an answer and never asks again,
    ``patient`` twenty.
    May be called by several threads at once; a session makes one client at a time. Raises botocore's error for what
    cannot be the name of a region.
    """
    config = HASTY if hasty else ONCE if once else PATIENT if patient else STANDARD
    with _making:
        return _session().client(service, config=config, region_name=region or None)  # type: ignore[call-overload]  # any service


@contextmanager
def translated(*passing: str) -> Iterator[None]:
    """Turn what botocore raises into the named errors of this package, with redacted messages.

    Raises Throttled, Unavailable, NotPermitted, TargetGone, QuotaFull or Unexpected. The original is
    not chained: Lambda logs the whole chain, and AWS writes key ids into its messages. An error whose code is
    among ``passing`` is the caller's to handle, and goes on as it is.
    """
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in passing:
            raise
        raise _ours(error) from None
    except (HTTPClientError, ConnectionError) as error:
        raise errors.Unavailable(text.line(error)) from None
    except BotoCoreError as error:
        raise errors.Unexpected(text.line(error)) from None


@contextmanager
def excused(*codes: str) -> Iterator[list[str]]:
    """Translate errors like ``translated``, but let those with one of these codes pass: they are in the list then."""
    said: list[str] = []
    try:
        with translated(*codes):
            yield said
    except ClientError as error:
        said.append(str(error.response.get("Error", {}).get("Code", "")))


def _ours(error: ClientError) -> errors.TourniquetError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    named = _BY_CALL.get((error.operation_name, code))
    named = named or _BY_CODE.get(code) or _BY_CODE.get(code.removesuffix("Exception"))
    if named is None:
        named = errors.Unavailable if status >= _SERVER_ERROR else errors.Unexpected
    message = error.response.get("Error", {}).get("Message", "")
    return named(f"{error.operation_name}: {code}: {text.line(message)}")
