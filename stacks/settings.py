"""The settings: the only reader of the CDK context, and the one that refuses nonsense.

Settings stand in ``cdk.json`` under the context key ``tourniquet``; the simple ones may also come as
``-c name=value``, which wins.

May touch: nothing.
Never: guesses what was meant; a wrong setting is a sentence that names it, and no stack.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambdas.model import Mode
from lambdas.playbooks import PLAYBOOKS
from lambdas.playbooks.shape import EXTRAS, ISOLATE

if TYPE_CHECKING:
    from lambdas.playbooks.shape import Modes

CONTEXT_KEY = "tourniquet"
SIMPLE = (
    "alert_email",
    "home_region",
    "mode",
    "max_containments_per_hour",
    "approval_timeout_minutes",
    "approval_timeout_then",
    "evidence_retention_days",
    "hold_seconds",
    "second_look_minutes",
    "investigate",
)
ALL = (*SIMPLE, "playbook_modes", "playbook_extras", "protected_principals", "protected_instances", "protected_vpcs")
THEN = ("expire", "contain")

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
_PRINCIPAL = re.compile(r"arn:aws(?:-[a-z]+)*:iam::(\d{12}):(?:user|role)/(?:[!-)+->@-~]+/)*[A-Za-z0-9_+=,.@-]{1,64}")
_HOME = "us-east-1"
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_VPC = re.compile(r"vpc-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_EMAIL_LIMIT = 254
#: IAM takes 10,240 characters of inline policies of a role, Lambda 4,096 of environment: what is left besides our own.
POLICY_ROOM = 5000
ENVIRONMENT_ROOM = 2400
_HERE = "arn:aws:ec2:*:123456789012:"
_QUOTED = 3  # the quotes and the comma
_MOST_AN_HOUR = 100
_LEAST_MINUTES, _MOST_MINUTES = 0.5, 1440
_MOST_SEVERE = 10
_AN_HOUR = 10
_MINUTES = 60.0
_MOST_DAYS = 3650
_DAYS = 90
_HOLD, _MOST_HOLD = 20.0, 60
_LOOK, _MOST_LOOK = 15.0, 1440


class SettingsError(Exception):
    """One or more settings are wrong; ``sentences`` says which, and what to do."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = tuple(sentences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The owner's settings, checked.

    ``mode`` is ``playbook`` (each playbook as far as it goes by itself) or ``observe`` (plan and
    announce only). ``playbook_modes`` overrides single playbooks: (least severity, mode), in ascending order.
    ``playbook_extras`` are actions added to single playbooks.
    ``approval_timeout_then`` is ``expire`` or ``contain``. ``evidence_retention_days`` is how long evidence is locked.
    ``hold_seconds`` is how long cuts are watched, ``second_look_minutes`` after how long somebody looks again; 0 is
    not at all. ``investigate`` says whether what was done is looked up when something was cut.
    """

    alert_email: str
    home_region: str = _HOME
    mode: str = "playbook"
    playbook_modes: Mapping[str, Modes] = field(default_factory=dict)
    playbook_extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protected_principals: tuple[str, ...] = ()
    protected_instances: tuple[str, ...] = ()
    protected_vpcs: tuple[str, ...] = ()
    max_containments_per_hour: int = _AN_HOUR
    approval_timeout_minutes: float = _MINUTES
    approval_timeout_then: str = THEN[0]
    evidence_retention_days: int = _DAYS
    hold_seconds: float = _HOLD
    second_look_minutes: float = _LOOK
    investigate: bool = True


def read(context: Mapping[str, Any], account: str | None = None) -> Settings:
    """Read and check the settings of a CDK context. ``account`` is where it deploys to, if known.

    Raises SettingsError with one sentence for each thing that is wrong.
    """
    wrong: list[str] = []
    group = context.get(CONTEXT_KEY, {})
    if not isinstance(group, Mapping):
        raise SettingsError([f'The context key "{CONTEXT_KEY}" in cdk.json must be an object of settings.'])
    given = {**group, **{name: context[name] for name in SIMPLE if name in context}}
    wrong += [_unknown(name) for name in group if name not in ALL]
    wrong += [
        f'"-c {name}=…" is not a setting; did you mean "{close[0]}"?'
        for name in context
        if name not in (*ALL, CONTEXT_KEY) and (close := difflib.get_close_matches(name, SIMPLE, cutoff=0.8))
    ]
    wrong += [
        f'"{name}" cannot be given with -c; set it in cdk.json under "{CONTEXT_KEY}".'
        for name in ALL
        if name not in SIMPLE and name in context
    ]
    email = given.get("alert_email", "")
    wrong += _email(email)
    region = given.get("home_region", _HOME)
    wrong += _region(region)
    mode = given.get("mode", "playbook")
    if mode not in ("playbook", "observe"):
        wrong.append(f'"mode" is {mode!r}; it must be "playbook" (each playbook\'s own mode) or "observe".')
    modes, extras = given.get("playbook_modes", {}), given.get("playbook_extras", {})
    wrong += _modes(modes)
    wrong += _extras(extras)
    principals = given.get("protected_principals", [])
    wrong += _principals(principals, account)
    instances, vpcs = given.get("protected_instances", []), given.get("protected_vpcs", [])
    wrong += _ids("protected_instances", instances, _INSTANCE, "an instance (i-…)")
    wrong += _ids("protected_vpcs", vpcs, _VPC, "a VPC (vpc-…)")
    limit, days = given.get("max_containments_per_hour", _AN_HOUR), given.get("evidence_retention_days", _DAYS)
    wrong += _whole("max_containments_per_hour", limit, _MOST_AN_HOUR)
    wrong += _whole("evidence_retention_days", days, _MOST_DAYS)
    minutes = _number(given.get("approval_timeout_minutes", _MINUTES))
    if minutes is None or not _LEAST_MINUTES <= minutes <= _MOST_MINUTES:
        wrong.append(
            f'"approval_timeout_minutes" is {given["approval_timeout_minutes"]!r}; it must be a number from '
            f"{_LEAST_MINUTES:g} to {_MOST_MINUTES} (a day)."
        )
    hold, look = _number(given.get("hold_seconds", _HOLD)), _number(given.get("second_look_minutes", _LOOK))
    wrong += _up_to("hold_seconds", given.get("hold_seconds"), hold, _MOST_HOLD, "the cuts are not watched")
    wrong += _up_to("second_look_minutes", given.get("second_look_minutes"), look, _MOST_LOOK, "nobody looks again")
    look_up = _truth(given.get("investigate", True))
    if look_up is None:
        wrong.append(
            f'"investigate" is {given["investigate"]!r}; it must be true (what was done is looked up) or false.'
        )
    then = given.get("approval_timeout_then", THEN[0])
    if then not in THEN:
        wrong.append(
            f'"approval_timeout_then" is {then!r}; it must be "expire" (nothing is changed) or "contain" (the changes '
            "that were asked about are made)."
        )
    if wrong or minutes is None or hold is None or look is None or look_up is None:
        raise SettingsError(wrong)
    settings = Settings(
        alert_email=email,
        home_region=region,
        mode=mode,
        playbook_modes={name: _steps(value) for name, value in modes.items()},
        playbook_extras={name: tuple(dict.fromkeys(actions)) for name, actions in extras.items()},
        protected_principals=tuple(principals),
        protected_instances=tuple(instances),
        protected_vpcs=tuple(vpcs),
        max_containments_per_hour=int(float(limit)),
        approval_timeout_minutes=minutes,
        approval_timeout_then=then,
        evidence_retention_days=int(float(days)),
        hold_seconds=hold,
        second_look_minutes=look,
        investigate=look_up,
    )
    if wrong := _size(settings):
        raise SettingsError(wrong)
    return settings


def _unknown(name: object) -> str:
    close = difflib.get_close_matches(str(name), ALL, n=1)
    hint = f' Did you mean "{close[0]}"?' if close else f" The settings are: {', '.join(ALL)}."
    return f'"{name}" is not a setting.{hint}'


def _email(value: object) -> list[str]:
    if not value:
        return [
            (
                '"alert_email" is not set: give the address that reads the alerts, in cdk.json or with '
                "-c alert_email=you@your-company.com."
            )
        ]
    if isinstance(value, str) and len(value) <= _EMAIL_LIMIT and _EMAIL.fullmatch(value):
        return []
    return [f'"alert_email" is {value!r}, which is not one e-mail address.']


def _region(value: object) -> list[str]:
    if value == _HOME:
        return []
    return [
        (
            f'"home_region" is {value!r}; it must be "{_HOME}": AWS Health, Trusted Advisor and IAM\'s own records '
            "arrive there, and forwarding from another region does not exist yet."
        )
    ]


def _modes(value: object) -> list[str]:
    if not isinstance(value, Mapping):
        return ['"playbook_modes" must be an object: playbook name to a mode, or to modes with their least severity.']
    names = [playbook.name for playbook in PLAYBOOKS if playbook.actions]
    unknown = [
        f'"playbook_modes" names the playbook {name!r}; the playbooks are: {", ".join(names)}.'
        for name in value
        if name not in names
    ]
    modes = [
        f'"playbook_modes" gives {name!r} the mode {mode!r}; it must be "observe", "approve", "contain", or an object '
        f'that says from which severity (0 to {_MOST_SEVERE}) on: {{"approve": 4, "contain": 7}}.'
        for name, mode in value.items()
        if not _is_mode(mode)
    ]
    return unknown + modes


def _extras(value: object) -> list[str]:
    """Check the actions that are added to playbooks; only one that isolates instances can have them."""
    if not isinstance(value, Mapping):
        return ['"playbook_extras" must be an object: playbook name to a list of actions.']
    names = [playbook.name for playbook in PLAYBOOKS if ISOLATE[0] in playbook.actions]
    unknown = [
        f'"playbook_extras" names the playbook {name!r}; those that isolate instances are: {", ".join(names)}.'
        for name in value
        if name not in names
    ]
    wrong = [
        f'"playbook_extras" gives {name!r} {actions!r}; it must be a list of: {", ".join(EXTRAS)}.'
        for name, actions in value.items()
        if not isinstance(actions, list) or not all(action in EXTRAS for action in actions)
    ]
    return unknown + wrong


def _is_mode(value: object) -> bool:
    """Tell whether this is a mode, or an object of modes with their least severity, each severity once."""
    if isinstance(value, Mapping):
        least = [_number(severity) for severity in value.values() if not isinstance(severity, str)]
        known = [severity for severity in least if severity is not None and 0 <= severity <= _MOST_SEVERE]
        return bool(value) and set(value) <= set(Mode) and len(set(known)) == len(value)
    return isinstance(value, str) and value in set(Mode)


def _steps(value: str | Mapping[str, float]) -> Modes:
    """Give modes by severity, in ascending order; a single mode is for every severity."""
    if isinstance(value, str):
        return ((0.0, Mode(value)),)
    return tuple(sorted((float(severity), Mode(mode)) for mode, severity in value.items()))


def _number(value: object) -> float | None:
    """Read a number; from the command line it comes as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except ValueError:
        return None
    return read if math.isfinite(read) else None


def _whole(name: str, value: object, most: int) -> list[str]:
    read = _number(value)
    if read is not None and read == int(read) and 1 <= read <= most:
        return []
    return [f'"{name}" is {value!r}; it must be a whole number from 1 to {most}.']


def _truth(value: object) -> bool | None:
    """Read true or false; from the command line it comes as text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _up_to(name: str, given: object, read: float | None, most: int, at_zero: str) -> list[str]:
    """Check a number from 0, which switches something off, to a most."""
    if read is not None and 0 <= read <= most:
        return []
    return [f'"{name}" is {given!r}; it must be a number from 0 ({at_zero}) to {most}.']


def _ids(name: str, value: object, form: re.Pattern[str], what: str) -> list[str]:
    if not isinstance(value, list):
        return [f'"{name}" must be a list of ids.']
    return [
        f'"{name}" holds {one!r}, which is not the exact id of {what}.'
        for one in value
        if not isinstance(one, str) or not form.fullmatch(one)
    ]


def _size(settings: Settings) -> list[str]:
    """Check that what is protected fits into each role's policy, and with the playbooks' into an environment."""
    protected = '"protected_principals", "protected_instances" and "protected_vpcs"'
    wrong = []
    if (used := in_policy(settings)) > POLICY_ROOM:
        wrong.append(
            f"{protected} take {used} characters of each role's policy, which has room for {POLICY_ROOM}; keep those "
            "whose loss would stop the business."
        )
    if (used := in_environment(settings)) > ENVIRONMENT_ROOM:
        wrong.append(
            f'{protected}, "playbook_modes" and "playbook_extras" take {used} characters of a function\'s environment, '
            f"which has room for {ENVIRONMENT_ROOM}; keep those whose loss would stop the business."
        )
    return wrong


def in_policy(settings: Settings) -> int:
    """Count what is protected as a role's policy denies it: by ARN, and a VPC twice."""
    instances = [f"{_HERE}instance/{one}" for one in settings.protected_instances]
    vpcs = [f"{_HERE}vpc/{one}" for one in settings.protected_vpcs]
    return sum(len(arn) + _QUOTED for arn in (*settings.protected_principals, *instances, *vpcs, *vpcs))


def in_environment(settings: Settings) -> int:
    """Count what the functions that plan are told of the settings, as JSON."""
    told = [
        settings.protected_principals,
        settings.protected_instances,
        settings.protected_vpcs,
        dict(settings.playbook_modes),
        dict(settings.playbook_extras),
    ]
    return len(json.dumps(told, separators=(",", ":")))


def _principals(value: object, account: str | None) -> list[str]:
    if not isinstance(value, list):
        return ['"protected_principals" must be a list of ARNs of users and roles.']
    wrong = []
    for arn in value:
        found = _PRINCIPAL.fullmatch(arn) if isinstance(arn, str) else None
        if found is None:
            wrong.append(
                f'"protected_principals" holds {arn!r}, which is not the exact ARN of a user or role '
                "(arn:aws:iam::<12 digits>:user/<name> or …:role/<name>, no wildcards)."
            )
        elif account and found[1] != account:
            wrong.append(f'"protected_principals" holds {arn!r} of account {found[1]}, but this deploys to {account}.')
    return wrong
