"""The runbooks as data: which signal gets which answer. One module holds one ``PLAYBOOK``.

A playbook's docstring is its runbook. The order of ``PLAYBOOKS`` matters: the first that matches
a signal answers it.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lambdas.playbooks import (
    exposed_key,
    requested,
    stolen_credentials,
    suspected_key,
    unknown,
    unusual_use,
)

if TYPE_CHECKING:
    from lambdas.model import Signal
    from lambdas.playbooks.shape import Playbook

PLAYBOOKS: tuple[Playbook, ...] = (
    requested.PLAYBOOK,
    exposed_key.PLAYBOOK,
    suspected_key.PLAYBOOK,
    stolen_credentials.PLAYBOOK,
    unusual_use.PLAYBOOK,
    unknown.PLAYBOOK,
)


def playbook_for(signal: Signal) -> Playbook:
    """Choose the playbook that answers a signal. There always is one: ``unknown`` takes the rest."""
    return next(
        playbook
        for playbook in PLAYBOOKS
        for trigger in playbook.triggers
        if trigger.source in {signal.source, "*"}
        and fnmatchcase(signal.type, trigger.type)
        and signal.severity >= trigger.at_least
    )
