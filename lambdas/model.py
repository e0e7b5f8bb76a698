"""The words of the product as data: signals, targets, plans, changes, outcomes.

Everything that crosses a step's border is one of these, as JSON: ``to_json`` on the way out,
``from_json`` on the way in. Shapes are versioned by ``v`` where a later version must read what an
earlier one wrote (plan items and changes, which live in the incident table).

May touch: nothing.
Never: talks to AWS, reads the clock or the environment.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

type Json = dict[str, Any]

SHAPE_VERSION = 1
#: Among the args of an item: an investigation found its target, so it is not what the case is about.
FOUND = "found"


class Kind(StrEnum):
    """What a target is."""

    ACCESS_KEY = "access_key"
    USER = "user"
    ROLE = "role"
    ROLE_SESSION = "role_session"
    FEDERATED_USER = "federated_user"
    INSTANCE = "instance"
    ROOT = "root"
    OTHER = "other"


class Mode(StrEnum):
    """How far the responder may go with an item: announce the plan, ask a person first, or act."""

    OBSERVE = "observe"
    APPROVE = "approve"
    CONTAIN = "contain"


class Result(StrEnum):
    """How one item of a plan ended, or that it waits for a person's answer."""

    DONE = "done"
    ALREADY = "already"
    PLANNED = "planned"
    FAILED = "failed"
    SKIPPED = "skipped"
    REFUSED = "refused"
    PENDING = "pending"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Outcome(StrEnum):
    """How a case ended; the contract with people and tools (see ARCHITECTURE)."""

    CONTAINED = "CONTAINED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    OBSERVED = "OBSERVED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    REFUSED = "REFUSED"
    ANNOUNCED = "ANNOUNCED"
    REPEATED = "REPEATED"
    RELEASED = "RELEASED"


#: What the incident table says of a case, where an outcome stands otherwise, while a restore is at work on it.
RELEASING = "RELEASING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One message that says something is wrong.

    ``id`` is the source's own identity of the message, so that a redelivery is recognised; ``region``
    is part of what makes two deliveries different signals. ``severity`` is on GuardDuty's scale of 0
    to 10. ``at`` is the latest activity that it tells of (ISO 8601), which tells a repeat from something
    new. ``resource_role`` is GuardDuty's ``ACTOR`` or ``TARGET``, or empty. ``inert`` is empty, or says why nothing may
    be changed whatever the signal names (a sample, an archived finding, a closed event). ``doubt`` is empty, or
    says why the signal counts for nothing unless AWS' quarantine policy is on the user that it names.
    """

    source: str
    type: str
    id: str
    account: str = ""
    region: str = ""
    severity: float = 0.0
    title: str = ""
    at: str = ""
    resource_role: str = ""
    inert: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A thing that a signal names or that a plan acts on.

    ``id`` is AWS' unique id where one is known: an access key id, ``AIDA…`` of a user, ``AROA…`` of a role,
    ``AROA…:<session name>`` of a role's session, ``<account>:<name>`` of a federated user, ``i-…``. ``name`` is what
    people call it: the name of the user, or of the role (also for a session). Either may be empty, never both.
    """

    kind: Kind
    id: str = ""
    name: str = ""
    account: str = ""
    region: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Target:
        """Read what ``to_json`` wrote."""
        return cls(**{**data, "kind": Kind(data["kind"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A signal, understood: what it names, and what could not be understood about it.

    ``wanted`` is the mode a person asked for in a manual request, or ``None``. ``context`` holds
    facts for the reader (where a key was found, say); every value in it is untrusted text. ``case`` is the id of the
    case that it belongs to, where that is known beforehand.
    """

    signal: Signal
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    wanted: Mode | None = None
    context: tuple[tuple[str, str], ...] = ()
    case: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Incident:
        """Read what ``dataclasses.asdict`` wrote."""
        return cls(
            signal=Signal(**data["signal"]),
            targets=tuple(Target.from_json(target) for target in data["targets"]),
            notes=tuple(data["notes"]),
            wanted=Mode(data["wanted"]) if data["wanted"] else None,
            context=tuple((name, value) for name, value in data["context"]),
            case=data.get("case", ""),
        )


class Standing(StrEnum):
    """What is known of a target: it is there, it is gone, it is the root user's, or nobody answered."""

    HERE = "here"
    GONE = "gone"
    ROOT = "root"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFact:
    """What IAM says of a role.

    ``role_id`` is ``AROA…``. ``unchangeable`` is empty, or says whose role it is where nobody in this account can
    change it: ``service-linked`` or ``identity-center``. ``shared`` is false only where exactly one IAM user of this
    account can assume it. ``names_chosen`` is false only where nobody but AWS services can assume it: they choose the
    names of its sessions themselves (an instance's id, a function's name). ``of_instances`` says that EC2 alone can:
    a session's name is an instance's id then, and nobody can choose it.
    """

    name: str
    role_id: str
    arn: str
    unchangeable: str = ""
    shared: bool = True
    names_chosen: bool = True
    of_instances: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFact:
    """What EC2 says of an instance: the region that it was found in, its profile, its Auto Scaling group.

    ``profile`` is the ARN of its instance profile and ``group`` the name of the group, ``""`` where there is none.
    ``alone`` is true only where it is known that no other instance of any region has the role of its profile, and no
    group will start one.
    """

    region: str
    profile: str = ""
    group: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What AWS says of one target of an incident.

    ``means`` is what the target turned out to be, where the signal did not say it itself: the user or the role session
    that temporary credentials belong to, the user who issued a federated session. ``user``, ``user_id`` (``AIDA…``) and
    ``arn`` are of the owning user as it is now; ``keys`` are its access keys, id → status. ``gone_key`` is true when
    the user is here but the key named is not. ``role`` is of the role, of the session's role, or of the role in an
    instance's profile. ``instance`` is the instance, or the one whose session it is; ``vpcs`` are its VPCs, ``None``
    when nobody said. ``quarantined`` says whether one of AWS' quarantine policies is attached to the user; ``None``
    when nobody was asked, or nobody said.
    """

    standing: Standing
    means: Target | None = None
    user: str = ""
    user_id: str = ""
    arn: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    gone_key: bool = False
    role: RoleFact | None = None
    instance: InstanceFact | None = None
    vpcs: tuple[str, ...] | None = None
    quarantined: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One change that a plan wants: which action, on what, in which case, how far.

    ``args`` are the action's own (the key id by which a renamed user is found again). ``why`` says why the mode is what
    it is, and ``needs_yes`` that only a person's yes makes it, never the end of the time that a question has.
    ``refused`` is empty, or says which setting forbids the item.
    """

    incident_id: str
    action: str
    target: Target
    args: Json = field(default_factory=dict)
    mode: Mode
    why: str = ""
    needs_yes: bool = False
    refused: str = ""
    v: int = SHAPE_VERSION

    @property
    def id(self) -> str:
        """A short hash of incident, action and target: the same item is the same journal entry."""
        text = f"{self.incident_id}|{self.action}|{self.target.kind}|{self.target.id}|{self.target.name}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> Json:
        """Give the JSON form that the workflow carries to the action."""
        return {"id": self.id, **asdict(self)}

    @classmethod
    def from_json(cls, data: Json) -> PlanItem:
        """Read what ``to_json`` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        rest = {key: value for key, value in data.items() if key not in {"id", "target", "mode"}}
        return cls(target=Target.from_json(data["target"]), mode=Mode(data["mode"]), **rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one item: the journal's entry and the action's answer.

    ``before`` and ``after`` are the action's own reading of the state it cares about. ``changed``
    says whether this run wrote anything; ``journaled`` is false when the incident table could not
    keep ``before`` and only the execution's history has it. ``omitted`` says that both are too long to travel through
    the workflow: the journal has them.
    """

    item_id: str
    incident_id: str
    action: str
    target: Target
    before: Json = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    result: Result
    changed: bool = False
    journaled: bool = True
    omitted: bool = False
    error: str = ""
    reason: str = ""
    at: str = ""
    v: int = SHAPE_VERSION

    def to_json(self) -> Json:
        """Give the JSON form that the workflow carries to notify."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Change:
        """Read what ``to_json`` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        rest = {key: value for key, value in data.items() if key not in {"target", "result"}}
        return cls(target=Target.from_json(data["target"]), result=Result(data["result"]), **rest)


def placed(incident: Incident, execution_arn: str) -> Incident:
    """Say where an incident happened, where its signal does not: in the account and region of the execution."""
    region, account = (execution_arn.split(":") + [""] * 5)[3:5]
    targets = tuple(replace(target, account=target.account or account) for target in incident.targets)
    signal = incident.signal
    signal = replace(signal, account=signal.account or account, region=signal.region or region)
    return replace(incident, targets=targets, signal=signal)


def incident_id(execution_arn: str, started_at: str) -> str:
    """Name a case after the execution that opened it: ``inc-YYYYMMDD-<10 hex>``.

    ``started_at`` is the execution's start as ISO 8601, as Step Functions' context object gives it.
    """
    day = "".join(ch for ch in started_at[:10] if ch.isdigit()) or "00000000"
    return f"inc-{day}-{hashlib.sha256(execution_arn.encode()).hexdigest()[:10]}"
