"""The settings: the only reader of the CDK context, and the one that refuses nonsense.

Settings stand in ``cdk.json`` under the context key ``tourniquet``; the simple ones may also come as
``-c name=value``, which wins.

May touch: nothing.
Never: guesses what was meant; a wrong setting is a sentence that names it, and no stack.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.model import Mode
from lambdas.playbooks import PLAYBOOKS

CONTEXT_KEY = "tourniquet"
SIMPLE = ("alert_email", "home_region", "mode")
ALL = (*SIMPLE, "playbook_modes", "protected_principals")

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
_PRINCIPAL = re.compile(r"arn:aws(?:-[a-z]+)*:iam::(\d{12}):(?:user|role)/(?:[!-)+->@-~]+/)*[A-Za-z0-9_+=,.@-]{1,64}")
_HOME = "us-east-1"
_EMAIL_LIMIT = 254
_PRINCIPALS_LIMIT = 2500


class SettingsError(Exception):
    """One or more settings are wrong; ``sentences`` says which, and what to do."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = tuple(sentences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The owner's settings, checked.

    ``mode`` is ``playbook`` (each playbook as far as it goes by itself) or ``observe`` (plan and
    announce only). ``playbook_modes`` overrides single playbooks.
    """

    alert_email: str
    home_region: str = _HOME
    mode: str = "playbook"
    playbook_modes: Mapping[str, Mode] = field(default_factory=dict)
    protected_principals: tuple[str, ...] = ()


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
    modes = given.get("playbook_modes", {})
    wrong += _modes(modes)
    principals = given.get("protected_principals", [])
    wrong += _principals(principals, account)
    if wrong:
        raise SettingsError(wrong)
    return Settings(
        alert_email=email,
        home_region=region,
        mode=mode,
        playbook_modes={name: Mode(value) for name, value in modes.items()},
        protected_principals=tuple(principals),
    )


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
        return ['"playbook_modes" must be an object: playbook name to "observe" or "contain".']
    names = [playbook.name for playbook in PLAYBOOKS if playbook.actions]
    unknown = [
        f'"playbook_modes" names the playbook {name!r}; the playbooks are: {", ".join(names)}.'
        for name in value
        if name not in names
    ]
    modes = [
        f'"playbook_modes" gives {name!r} the mode {mode!r}; it must be "observe" or "contain".'
        for name, mode in value.items()
        if not isinstance(mode, str) or mode not in set(Mode)
    ]
    return unknown + modes


def _principals(value: object, account: str | None) -> list[str]:
    if not isinstance(value, list):
        return ['"protected_principals" must be a list of ARNs of users and roles.']
    wrong = []
    if len(str(value)) > _PRINCIPALS_LIMIT:
        wrong.append(
            f'"protected_principals" holds {len(value)} ARNs, more than fit into a function and a role '
            f"({_PRINCIPALS_LIMIT} characters together); keep those whose loss would stop the business."
        )
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
