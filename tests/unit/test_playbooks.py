"""Stories of which signal gets which answer."""

from __future__ import annotations

import pytest

from lambdas import actions
from lambdas.model import Mode, Signal
from lambdas.playbooks import PLAYBOOKS, playbook_for, unknown
from lambdas.signals import PATTERNS, guardduty, health, incident_from, trusted_advisor
from tests.unit.samples import names, sample


@pytest.mark.parametrize(
    ("source", "type_", "severity", "playbook", "mode"),
    [
        ("aws.health", "AWS_RISK_CREDENTIALS_EXPOSED", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.health", "AWS_RISK_CREDENTIALS_COMPROMISED", 9.0, "exposed_key", Mode.CONTAIN),
        ("aws.health", "AWS_RISK_IAM_QUARANTINE", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.health", "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", 6.0, "suspected_key", Mode.OBSERVE),
        ("aws.health", "AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED", 6.0, "suspected_key", Mode.OBSERVE),
        ("aws.health", "AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE", 9.0, "unknown", Mode.OBSERVE),
        ("aws.health", "AWS_RISK_SOMETHING_NEW", 10.0, "unknown", Mode.OBSERVE),
        ("aws.health", "aws_risk_credentials_exposed", 8.0, "unknown", Mode.OBSERVE),
        ("aws.trustedadvisor", "Exposed Access Keys/Exposed", 8.0, "exposed_key", Mode.CONTAIN),
        ("aws.trustedadvisor", "Exposed Access Keys/Suspected", 6.0, "suspected_key", Mode.OBSERVE),
        ("aws.trustedadvisor", "Amazon EBS Snapshots/unknown", 8.0, "unknown", Mode.OBSERVE),
        ("aws.guardduty", "CredentialAccess:IAMUser/CompromisedCredentials", 0.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "UnauthorizedAccess:IAMUser/TorIPCaller", 5.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "UnauthorizedAccess:IAMUser/MaliciousIPCaller", 5.0, "stolen_credentials", Mode.CONTAIN),
        (
            "aws.guardduty",
            "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
            5.0,
            "stolen_credentials",
            Mode.CONTAIN,
        ),
        (
            "aws.guardduty",
            "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
            8.0,
            "stolen_credentials",
            Mode.CONTAIN,
        ),
        (
            "aws.guardduty",
            "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS",
            8.0,
            "stolen_credentials",
            Mode.CONTAIN,
        ),
        ("aws.guardduty", "Recon:IAMUser/MaliciousIPCaller.Custom", 5.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "PenTest:IAMUser/KaliLinux", 5.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "Exfiltration:IAMUser/AnomalousBehavior", 8.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "Exfiltration:IAMUser/AnomalousBehavior", 7.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "Discovery:IAMUser/AnomalousBehavior", 6.9, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "Recon:IAMUser/UserPermissions", 5.0, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "Policy:IAMUser/RootCredentialUsage", 2.0, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "AttackSequence:IAM/CompromisedCredentials", 9.0, "stolen_credentials", Mode.CONTAIN),
        ("aws.guardduty", "Persistence:IAM/SomethingNew", 5.0, "unusual_use", Mode.OBSERVE),
        ("aws.guardduty", "Policy:S3/BucketBlockPublicAccessDisabled", 2.0, "unknown", Mode.OBSERVE),
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
    """Given a signal, when its playbook is looked for, what is certain is cut off and what is not is shown."""
    chosen = playbook_for(Signal(source=source, type=type_, id="1", severity=severity))
    assert (chosen.name, chosen.mode) == (playbook, mode)


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
def test_a_playbook_names_actions_that_exist_and_tells_people_what_to_do(playbook: object) -> None:
    """Given a playbook, when it is held to the rest of the product, its actions exist and it has next steps."""
    chosen = next(other for other in PLAYBOOKS if other is playbook)
    assert set(chosen.actions) <= set(actions.names())
    assert chosen.next_steps
    assert chosen.triggers
    assert chosen.actions or chosen.mode is Mode.OBSERVE


def test_every_playbook_that_acts_is_reached_by_a_signal_that_exists() -> None:
    """Given the sources that are read, when triggers are held to them, none waits for a source nobody sends."""
    sources = {health.SOURCE, guardduty.SOURCE, trusted_advisor.SOURCE, "manual", "*"}
    assert {trigger.source for playbook in PLAYBOOKS for trigger in playbook.triggers} == sources
    assert {pattern["source"][0] for pattern in PATTERNS.values()} == sources - {"manual", "*"}


@pytest.mark.parametrize("name", names())
def test_every_sample_has_an_answer(name: str) -> None:
    """Given a sample event, when its playbook is looked for, only those made to be unknown have none."""
    chosen = playbook_for(incident_from(sample(name)).signal)
    unknowns = {"health-instance-retirement", "guardduty-no-resource"}
    assert (chosen.name == "unknown") is (name in unknowns)
