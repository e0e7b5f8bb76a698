"""The simulated account: who is in it, what IAM says of them at once, and what it enforces some seconds later.

May touch: nothing outside the process.
Never does: enforce a change at once; enforce two changes of the same thing in another order than they were made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from bench.fights.clock import Clock

ACCOUNT = "123456789012"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
DENY = "arn:aws:iam::aws:policy/AWSDenyAll"
#: Any others, to fill the quota with.
FILLERS = tuple(f"arn:aws:iam::aws:policy/job-function/Filler{number}" for number in range(10))
RESPONDER = "responder"
DEPLOYER = "deployer"
ATTACKER = "attacker"
OWNER = "owner"

MOST_POLICIES, MOST_KEYS = 10, 2
#: IAM enforces a change so many seconds later, at least and at most.
LAG = (3.0, 4.0)
#: A CloudTrail record can be looked up so many seconds later, at least and at most.
RECORD_LAG = (120.0, 420.0)
BEGAN = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)

#: What a service control policy says of a call on the responder's deny: (call, what) → allowed. What it does not have
#: is allowed. ``what`` is ``attached`` or ``boundary``, whichever way AWSDenyAll is there.
type Guard = Mapping[tuple[str, str], bool]


class Lagged[Value]:
    """A value that is changed at once and enforced later, in the order of the changes."""

    __slots__ = ("_coming", "_enforced", "_lag", "value")

    def __init__(self, value: Value, lag: Callable[[], float], *, before: Value | None = None, at: float = 0.0) -> None:
        self._lag = lag
        self.value = value
        self._enforced = value if before is None else before
        self._coming: list[tuple[float, Value]] = [] if before is None else [(at + lag(), value)]

    def write(self, value: Value, now: float) -> None:
        """Change it; it is enforced later, but not before what was written earlier."""
        last = self._coming[-1][0] if self._coming else 0.0
        self.value = value
        self._coming.append((max(last, now + self._lag()), value))

    def enforced(self, now: float) -> Value:
        """Give what is enforced now."""
        while self._coming and self._coming[0][0] <= now:
            self._enforced = self._coming.pop(0)[1]
        return self._enforced

    def settled(self, now: float) -> bool:
        """Tell whether what is enforced is what was written last."""
        self.enforced(now)
        return not self._coming


@dataclass(slots=True, kw_only=True)
class Key:
    """An access key of a user."""

    id: str
    owner: Principal
    status: Lagged[str]
    made_at: float
    made_by: str
    deleted: bool = False


@dataclass(slots=True, kw_only=True)
class Principal:
    """A user or a role; ``inline`` are a role's inline policies as JSON text, ``open_to`` who may assume it."""

    kind: str
    name: str
    id: str
    policies: Lagged[frozenset[str]]
    boundary: Lagged[str]
    inline: Lagged[Mapping[str, str]]
    made_at: float
    made_by: str
    open_to: str = ""
    keys: dict[str, Key] = field(default_factory=dict)
    password: bool = False

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:iam::{ACCOUNT}:{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a call is signed with: a user's key, a session of the user's, or a session of a role."""

    id: str
    by: str
    principal: Principal
    key: Key | None = None
    session: str = ""
    issued_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A CloudTrail record of something made: by which credential, and what; visible only later."""

    visible_at: float
    key_id: str
    kind: str
    made: str
    credential: Credential | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One change of the responder's: when, by which call, on whom, and who had made that."""

    at: float
    call: str
    name: str
    made_by: str


class Account:
    """Everything in one account."""

    def __init__(self, clock: Clock, chance: Random, guard: Guard | None = None) -> None:
        self.clock = clock
        self.chance = chance
        self.guard: Guard = guard or {}
        self.users: dict[str, Principal] = {}
        self.roles: dict[str, Principal] = {}
        self.keys: dict[str, Key] = {}
        self.credentials: list[Credential] = []
        self.records: list[Record] = []
        self.writes: list[Write] = []
        self._count = 0

    def lag(self) -> float:
        """Give how long a change takes to be enforced."""
        return self.chance.uniform(*LAG)

    def unique(self, prefix: str) -> str:
        """Give a new id in IAM's form."""
        self._count += 1
        return f"{prefix}{self._count:016d}"

    def moment(self, seconds: float) -> datetime:
        """Give the date of a time on the clock."""
        return BEGAN + timedelta(seconds=seconds)

    def make(
        self, kind: str, name: str, by: str, *, policies: frozenset[str] = frozenset(), old: bool = False
    ) -> Principal:
        """Make a user or a role; an old one is enforced already."""
        now = self.clock.now
        made = Principal(
            kind=kind,
            name=name,
            id=self.unique("AIDA" if kind == "user" else "AROA"),
            policies=Lagged(policies, self.lag),
            boundary=Lagged("", self.lag),
            inline=Lagged({}, self.lag),
            made_at=-1_000_000.0 if old else now,
            made_by=by,
        )
        (self.users if kind == "user" else self.roles)[name] = made
        return made

    def make_key(self, user: Principal, by: str, *, old: bool = False) -> Credential:
        """Make a key of a user; an old one is enforced already."""
        now = self.clock.now
        status = Lagged("Active", self.lag) if old else Lagged("Active", self.lag, before="", at=now)
        key = Key(
            id=self.unique("AKIA"),
            owner=user,
            status=status,
            made_at=-1_000_000.0 if old else now,
            made_by=by,
        )
        user.keys[key.id] = self.keys[key.id] = key
        return self._issued(Credential(id=key.id, by=by, principal=user, key=key))

    def make_session(self, principal: Principal, by: str, session: str = "") -> Credential:
        """Begin a session of a user or, by its name, of a role."""
        found = Credential(
            id=self.unique("ASIA"), by=by, principal=principal, session=session, issued_at=self.clock.now
        )
        return self._issued(found)

    def _issued(self, credential: Credential) -> Credential:
        self.credentials.append(credential)
        return credential

    def works(self, credential: Credential) -> bool:
        """Tell whether IAM would let a credential do anything now, if it were granted."""
        now, of = self.clock.now, credential.principal
        if credential.key is not None and (credential.key.deleted or credential.key.status.enforced(now) != "Active"):
            return False
        if DENY in of.policies.enforced(now) or of.boundary.enforced(now) == DENY:
            return False
        return not any(self._denies(document, credential) for document in of.inline.enforced(now).values())

    def allows(self, credential: Credential) -> bool:
        """Tell whether IAM lets a credential change things now: it works, and is an administrator's."""
        return ADMIN in credential.principal.policies.enforced(self.clock.now) and self.works(credential)

    def _denies(self, document: str, credential: Credential) -> bool:
        """Tell whether an inline policy denies a session."""
        if not credential.session:
            return False
        for statement in json.loads(document)["Statement"]:
            condition = statement["Condition"]
            if "StringEquals" in condition:
                return bool(
                    condition["StringEquals"]["aws:userid"] == f"{credential.principal.id}:{credential.session}"
                )
            before = datetime.fromisoformat(condition["DateLessThan"]["aws:TokenIssueTime"])
            return self.moment(credential.issued_at) < before
        return False

    def record(self, by: Credential, kind: str, made: str, credential: Credential | None = None) -> None:
        """Have CloudTrail tell later who made what."""
        self.records.append(
            Record(
                visible_at=self.clock.now + self.chance.uniform(*RECORD_LAG),
                key_id=by.id,
                kind=kind,
                made=made,
                credential=credential,
            )
        )
