"""Stories of which signal gets which answer."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from docs.finding_types import TYPES
from lambdas import actions
from lambdas.model import Kind, Mode, Signal
from lambdas.playbooks import PLAYBOOKS, playbook_for, unknown
from lambdas.playbooks.shape import mode_at
from lambdas.signals import PATTERNS, guardduty, health, incident_from, quarantine, trusted_advisor
from tests.unit.samples import names, sample

if TYPE_CHECKING:
    from lambdas.playbooks.shape import Playbook


EXFILTRATED = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration"


@pytest.mark.parametrize(
    ("source", "type_", "severity", "playbook", "mode"),
    [
        ("aws.health", "AWS_RISK_CREDENTIALS_EXPOSED", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.health", "AWS_RISK_CREDENTIALS_COMPROMISED", 9.0, "exposed_key", Mode.CONTAIN),
        ("aws.health", "AWS_RISK_IAM_QUARANTINE", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.health", "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", 6.0, "suspected_key", Mode.APPROVE),
        ("aws.health", "AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED", 6.0, "suspected_key", Mode.APPROVE),
        ("aws.health", "AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE", 9.0, "console_compromise", Mode.OBSERVE),
        ("aws.health", "AWS_RISK_SOMETHING_NEW", 10.0, "unknown", Mode.OBSERVE),
        ("aws.health", "aws_risk_credentials_exposed", 8.0, "unknown", Mode.OBSERVE),
        ("aws.health", "AWS_ABUSE_DOS_REPORT", 8.0, "abuse_report", Mode.APPROVE),
        ("aws.health", "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED", 5.0, "unknown", Mode.OBSERVE),
        ("aws.trustedadvisor", "Exposed Access Keys/Exposed", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.trustedadvisor", "Exposed Access Keys/Potentially Compromised", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.trustedadvisor", "Exposed Access Keys/Suspected", 6.0, "suspected_key", Mode.APPROVE),
        ("aws.trustedadvisor", "Exposed Access Keys/unknown", 8.0, "suspected_key", Mode.APPROVE),
        ("aws.trustedadvisor", "Amazon EBS Snapshots/unknown", 8.0, "unknown", Mode.OBSERVE),
        ("aws.iam", "AWSCompromisedKeyQuarantineV3", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.iam", "AWSCompromisedKeyQuarantine", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.iam", "AdministratorAccess", 8.0, "unknown", Mode.OBSERVE),
        ("aws.guardduty", "CredentialAccess:IAMUser/CompromisedCredentials", 0.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "UnauthorizedAccess:IAMUser/TorIPCaller", 5.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "Recon:IAMUser/MaliciousIPCaller.Custom", 5.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "PenTest:IAMUser/KaliLinux", 5.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "PenTest:S3/PentooLinux", 5.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "Discovery:S3/TorIPCaller", 5.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", f"{EXFILTRATED}.OutsideAWS", 8.0, "exfiltrated_credentials", Mode.CONTAIN),
        ("aws.guardduty", f"{EXFILTRATED}.InsideAWS", 7.0, "exfiltrated_credentials", Mode.CONTAIN),
        ("aws.guardduty", f"{EXFILTRATED}.InsideAWS", 6.9, "exfiltrated_credentials", Mode.APPROVE),
        ("aws.guardduty", "AttackSequence:IAM/CompromisedCredentials", 9.0, "attack_sequence", Mode.CONTAIN),
        ("aws.guardduty", "AttackSequence:Something/New", 9.5, "attack_sequence", Mode.CONTAIN),
        ("aws.guardduty", "Exfiltration:IAMUser/AnomalousBehavior", 8.0, "unusual_use", Mode.APPROVE),
        ("aws.guardduty", "Exfiltration:IAMUser/AnomalousBehavior", 7.0, "unusual_use", Mode.APPROVE),
        ("aws.guardduty", "Discovery:IAMUser/AnomalousBehavior", 6.9, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "Impact:S3/AnomalousBehavior.Delete", 8.0, "unusual_use", Mode.APPROVE),
        ("aws.guardduty", "Stealth:S3/ServerAccessLoggingDisabled", 2.0, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "Impact:IAMUser/PromptInjection.Direct", 2.0, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "Recon:IAMUser/UserPermissions", 5.0, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "Persistence:IAM/SomethingNew", 5.0, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "Policy:IAMUser/RootCredentialUsage", 8.0, "root_use", Mode.OBSERVE),
        ("aws.guardduty", "Policy:IAMUser/ShortTermRootCredentialUsage", 2.0, "root_use", Mode.OBSERVE),
        ("aws.guardduty", "Policy:S3/BucketAnonymousAccessGranted", 8.0, "weak_setting", Mode.OBSERVE),
        ("aws.guardduty", "Policy:Kubernetes/ExposedDashboard", 5.0, "weak_setting", Mode.OBSERVE),
        ("aws.guardduty", "Persistence:IAM/AccountManipulation", 8.0, "custom_rule", Mode.APPROVE),
        ("aws.guardduty", "Persistence:IAM/AccountManipulation", 2.0, "custom_rule", Mode.OBSERVE),
        ("aws.guardduty", "CredentialAccess:RDS/ModifyAuthenticationProcess", 8.0, "custom_rule", Mode.APPROVE),
        ("aws.guardduty", "Discovery:Kubernetes/TorIPCaller", 5.0, "cluster_access", Mode.APPROVE),
        ("aws.guardduty", "Execution:Kubernetes/ExecInKubeSystemPod", 5.0, "unusual_cluster_use", Mode.OBSERVE),
        (
            "aws.guardduty",
            "PrivilegeEscalation:Kubernetes/AnomalousBehavior.WorkloadDeployed!PrivilegedContainer",
            8.0,
            "unusual_cluster_use",
            Mode.APPROVE,
        ),
        ("aws.guardduty", "Discovery:Kubernetes/SuccessfulAnonymousAccess", 5.0, "cluster", Mode.OBSERVE),
        ("aws.guardduty", "Execution:Kubernetes/MaliciousFile", 8.0, "malware", Mode.APPROVE),
        ("aws.guardduty", "Execution:EC2/MaliciousFile!AMI", 8.0, "malware", Mode.APPROVE),
        ("aws.guardduty", "Object:S3/MaliciousFile", 8.0, "malware", Mode.APPROVE),
        ("aws.guardduty", "Execution:Runtime/MaliciousFileExecuted", 8.0, "hostile_workload", Mode.CONTAIN),
        ("aws.guardduty", "DefenseEvasion:Runtime/ProcessInjection.Proc", 8.0, "compromised_workload", Mode.APPROVE),
        ("aws.guardduty", "Discovery:Runtime/SuspiciousCommand", 2.0, "compromised_workload", Mode.OBSERVE),
        ("aws.guardduty", "CryptoCurrency:EC2/BitcoinTool.B!DNS", 8.0, "compromised_instance", Mode.CONTAIN),
        ("aws.guardduty", "Recon:EC2/Portscan", 5.0, "compromised_instance", Mode.APPROVE),
        ("aws.guardduty", "UnauthorizedAccess:EC2/SSHBruteForce", 2.0, "compromised_instance", Mode.OBSERVE),
        ("aws.guardduty", "UnauthorizedAccess:Runtime/MetadataDNSRebind", 8.0, "attacked_instance", Mode.OBSERVE),
        ("aws.guardduty", "Recon:EC2/PortProbeUnprotectedPort", 2.0, "attacked_instance", Mode.OBSERVE),
        ("aws.guardduty", "Behavior:EC2/NetworkPortUnusual", 5.0, "unusual_traffic", Mode.OBSERVE),
        ("aws.guardduty", "Behavior:EC2/NetworkPortUnusual", 8.0, "compromised_instance", Mode.CONTAIN),
        ("aws.guardduty", "CredentialAccess:RDS/TorIPCaller.SuccessfulLogin", 8.0, "database", Mode.OBSERVE),
        ("aws.guardduty", "Backdoor:Lambda/C&CActivity.B", 8.0, "function", Mode.OBSERVE),
        ("aws.guardduty", "Impact:EC2/SomethingNew", 9.0, "unknown", Mode.OBSERVE),
        ("aws.guardduty", "unknown", 0.0, "unknown", Mode.OBSERVE),
        ("manual", "request", 8.0, "requested", Mode.CONTAIN),
        ("unknown", "request", 8.0, "unknown", Mode.OBSERVE),
        ("aws.ec2", "AWS_RISK_CREDENTIALS_EXPOSED", 8.0, "unknown", Mode.OBSERVE),
        ("awsmock.health", "AWS_RISK_CREDENTIALS_EXPOSED", 8.0, "unknown", Mode.OBSERVE),
        ("", "", 0.0, "unknown", Mode.OBSERVE),
    ],
)
def test_every_signal_has_its_answer(source: str, type_: str, severity: float, playbook: str, mode: Mode) -> None:
    """Given a signal, when its playbook is looked for, what is certain is cut off and what is not is asked or shown."""
    chosen = playbook_for(Signal(source=source, type=type_, id="1", severity=severity))
    assert (chosen.name, mode_at(chosen.modes, severity)) == (playbook, mode)


@pytest.mark.parametrize("attack", ["UnauthorizedAccess:EC2/SSHBruteForce", "Impact:EC2/WinRMBruteForce"])
def test_whose_password_is_guessed_decides(attack: str) -> None:
    """Given brute force, when the instance is its target it is attacked; when it acts itself, it is compromised."""
    target = Signal(source="aws.guardduty", type=attack, id="1", severity=2.0, resource_role="TARGET")
    assert playbook_for(target).name == "attacked_instance"
    assert playbook_for(replace(target, resource_role="ACTOR")).name == "compromised_instance"
    assert playbook_for(replace(target, resource_role="")).name == "compromised_instance"


def test_an_instance_that_talks_to_an_attacker_is_compromised_whatever_role_guardduty_gives_it() -> None:
    """Given a finding of a kind that arrives with the role TARGET too, when it is answered, the type decides."""
    found = Signal(source="aws.guardduty", type="Backdoor:EC2/C&CActivity.B!DNS", id="1", resource_role="TARGET")
    assert playbook_for(found).name == "compromised_instance"


def test_only_what_aws_vouches_for_passes_the_breaker() -> None:
    """Given the playbooks, who passes the circuit breaker is what AWS reports itself, and what its records prove."""
    assert [playbook.name for playbook in PLAYBOOKS if playbook.vouched] == ["found", "exposed_key"]


def test_what_may_hit_others_is_always_asked_about() -> None:
    """Given the playbooks, when a change may hit others than the attacker, none of them makes it without asking."""
    assert {playbook.wide for playbook in PLAYBOOKS if playbook.actions} == {Mode.APPROVE}


def test_there_always_is_a_playbook() -> None:
    """Given a finding whose severity is below the scale, when its playbook is looked for, there is one."""
    event = sample("guardduty-iamuser")
    event["detail"]["severity"] = -1
    assert playbook_for(incident_from(event).signal)


def test_names_are_unique_and_the_last_playbook_takes_the_rest() -> None:
    """Given the playbooks, when they are listed, none has another's name and the last answers everything."""
    found = [playbook.name for playbook in PLAYBOOKS]
    assert len(set(found)) == len(found)
    assert PLAYBOOKS[-1] is unknown.PLAYBOOK


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda playbook: playbook.name)
def test_a_playbook_names_actions_that_exist_and_tells_people_what_to_do(playbook: Playbook) -> None:
    """Given a playbook, when it is held to the rest of the product, its actions exist and it has next steps."""
    assert set(playbook.actions) <= set(actions.names())
    assert playbook.next_steps or playbook.after_principals
    assert all(playbook.steps(kinds) for kinds in ((), (Kind.USER,), (Kind.INSTANCE,), (Kind.INSTANCE, Kind.ROLE)))
    assert playbook.triggers
    assert playbook.actions or {mode for _, mode in playbook.modes} == {Mode.OBSERVE}


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda playbook: playbook.name)
def test_a_playbook_goes_further_with_severity_and_never_back(playbook: Playbook) -> None:
    """Given a playbook, when its modes are read, they begin at 0 and each step is more severe and goes further."""
    order = [Mode.OBSERVE, Mode.APPROVE, Mode.CONTAIN]
    leasts = [least for least, _ in playbook.modes]
    reach = [order.index(mode) for _, mode in playbook.modes]
    assert leasts[0] == 0
    assert leasts == sorted(set(leasts))
    assert reach == sorted(set(reach))


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda playbook: playbook.name)
def test_no_playbook_is_hidden_behind_those_before_it(playbook: Playbook) -> None:
    """Given a playbook, when signals of its own types arrive, one at least of each trigger reaches it."""
    for trigger in playbook.triggers:
        new = trigger.type.replace("[Ee]", "E").replace("[Cc]", "C").replace("*", "New")
        kinds = [new, *(found.name for found in TYPES if fnmatchcase(found.name, trigger.type))]
        source = trigger.source if trigger.source != "*" else "elsewhere"
        signals = [
            Signal(source=source, type=kind, id="1", severity=trigger.at_least, resource_role=trigger.resource_role)
            for kind in kinds
        ]
        assert playbook in [playbook_for(signal) for signal in signals], trigger


def test_every_playbook_that_acts_is_reached_by_a_signal_that_exists() -> None:
    """Given the sources that are read, when triggers are held to them, none waits for a source nobody sends."""
    sources = {
        health.SOURCE,
        guardduty.SOURCE,
        trusted_advisor.SOURCE,
        quarantine.SOURCE,
        "manual",
        "investigation",
        "*",
    }
    assert {trigger.source for playbook in PLAYBOOKS for trigger in playbook.triggers} == sources
    assert {pattern["source"][0] for pattern in PATTERNS.values()} == sources - {"manual", "investigation", "*"}


@pytest.mark.parametrize("name", names())
def test_every_sample_has_an_answer(name: str) -> None:
    """Given a sample event, when its playbook is looked for, only those made to be unknown have none."""
    chosen = playbook_for(incident_from(sample(name)).signal)
    unknowns = {"health-instance-retirement", "guardduty-no-resource"}
    assert (chosen.name == "unknown") is (name in unknowns)
