"""What planning needs to know of the account: whose a key is, which keys a user has.

The event is a hint. A key's owner is asked of IAM, because users are renamed and events do not
always name them. Everything is asked at once, within two seconds; what was not answered by then is
unknown, which planning knows how to live with.

May touch: iam:GetAccessKeyLastUsed, iam:GetUser, iam:ListAccessKeys.
Never: changes anything, raises, or waits longer than its time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas import errors
from lambdas.actions.users import USERS, keys_of, owner_of, user
from lambdas.aws import Grant
from lambdas.model import Fact, Kind, Standing, Target
from lambdas.signals.reading import is_root_name, is_session_key, is_user_name

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from lambdas.model import Incident

SECONDS = 2.0
_AT_ONCE = 8
_CLOCKS_DIFFER = timedelta(minutes=1)

GRANTS = (
    Grant(action="iam:GetAccessKeyLastUsed", resource=USERS),
    Grant(action="iam:GetUser", resource=USERS),
    Grant(action="iam:ListAccessKeys", resource=USERS),
)


def gather(iam: IAMClient, incident: Incident, seconds: float = SECONDS) -> dict[Target, Fact]:
    """Ask IAM about every key and user that the incident names; ``seconds`` bounds the whole."""
    asked = [target for target in incident.targets if target.kind in {Kind.ACCESS_KEY, Kind.USER}]
    unknown = Fact(standing=Standing.UNKNOWN)
    facts = dict.fromkeys(asked, unknown)
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    try:
        futures = {pool.submit(_fact, iam, target, incident.signal.at): target for target in asked}
        done, _ = wait(futures, timeout=seconds)
        facts.update({futures[future]: future.result() for future in done})
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return facts


def _fact(iam: IAMClient, target: Target, at: str) -> Fact:
    try:
        return _key_fact(iam, target, at) if target.kind is Kind.ACCESS_KEY else _user_fact(iam, target, at)
    except errors.TargetGone:
        return Fact(standing=Standing.GONE)
    except errors.TourniquetError:
        return Fact(standing=Standing.UNKNOWN)


def _key_fact(iam: IAMClient, target: Target, at: str) -> Fact:
    """Find the key's owner by the key, and only if that fails by the name that the event gives."""
    try:
        owner = _owner(iam, target.id)
    except errors.TargetGone:
        if not target.name:
            raise
        named = _user_fact(iam, Target(kind=Kind.USER, name=target.name), at)
        here = target.id in named.keys
        return Fact(
            standing=named.standing,
            user=named.user,
            user_id=named.user_id,
            arn=named.arn,
            keys=named.keys,
            gone_key=named.standing is Standing.HERE and not here,
        )
    if not is_user_name(owner):
        return Fact(standing=Standing.ROOT)
    try:
        return _of_user(iam, owner)
    except errors.TargetGone:
        return Fact(standing=Standing.ROOT if is_root_name(owner) else Standing.GONE)


def _owner(iam: IAMClient, key_id: str) -> str:
    """Name a long-term key's user; temporary credentials are no user's key. Raises TargetGone."""
    if is_session_key(key_id):
        raise errors.TargetGone("Temporary credentials are not a key of a user.")
    return owner_of(iam, key_id)


def _user_fact(iam: IAMClient, target: Target, at: str) -> Fact:
    """Read a user by name; one that was made after the signal is not the one that it means."""
    if not is_user_name(target.name):
        return Fact(standing=Standing.ROOT if is_root_name(target.name) else Standing.GONE)
    try:
        found = _of_user(iam, target.name, target.id, not_after=_moment(at))
    except errors.TargetGone:
        if is_root_name(target.name):
            return Fact(standing=Standing.ROOT)
        raise
    return found


def _of_user(iam: IAMClient, name: str, user_id: str = "", not_after: datetime | None = None) -> Fact:
    found = user(iam, name, user_id)
    if not user_id and not_after is not None and found["CreateDate"] - _CLOCKS_DIFFER > not_after:
        raise errors.TargetGone(f"The user {name} was made after the event that names it.")
    return Fact(
        standing=Standing.HERE,
        user=found["UserName"],
        user_id=found["UserId"],
        arn=found["Arn"],
        keys=keys_of(iam, found["UserName"]),
    )


def _moment(at: str) -> datetime | None:
    """Read an ISO 8601 time; ``None`` when the event has none that can be read."""
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
