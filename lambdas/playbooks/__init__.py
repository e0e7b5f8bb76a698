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
    abuse_report,
    attack_sequence,
    attacked_instance,
    cluster,
    cluster_access,
    compromised_instance,
    compromised_workload,
    console_compromise,
    custom_rule,
    database,
    exfiltrated_credentials,
    exposed_key,
    found,
    function,
    hostile_workload,
    malware,
    requested,
    root_use,
    stolen_credentials,
    suspected_key,
    unknown,
    unusual_cluster_use,
    unusual_traffic,
    unusual_use,
    weak_setting,
)

if TYPE_CHECKING:
    from lambdas.model import Signal
    from lambdas.playbooks.shape import Playbook

PLAYBOOKS: tuple[Playbook, ...] = (
    requested.PLAYBOOK,
    found.PLAYBOOK,
    exposed_key.PLAYBOOK,
    suspected_key.PLAYBOOK,
    console_compromise.PLAYBOOK,
    abuse_report.PLAYBOOK,
    attack_sequence.PLAYBOOK,
    root_use.PLAYBOOK,
    weak_setting.PLAYBOOK,
    custom_rule.PLAYBOOK,
    exfiltrated_credentials.PLAYBOOK,
    stolen_credentials.PLAYBOOK,
    unusual_use.PLAYBOOK,
    malware.PLAYBOOK,
    cluster_access.PLAYBOOK,
    unusual_cluster_use.PLAYBOOK,
    cluster.PLAYBOOK,
    attacked_instance.PLAYBOOK,
    compromised_instance.PLAYBOOK,
    unusual_traffic.PLAYBOOK,
    hostile_workload.PLAYBOOK,
    compromised_workload.PLAYBOOK,
    database.PLAYBOOK,
    function.PLAYBOOK,
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
        and trigger.resource_role in {"", signal.resource_role}
    )
