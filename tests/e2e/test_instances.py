"""Compromised instances on the deployed stack: cut off, kept as evidence, kept alive, and put back by a pasted undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demo import events
from demo.aws import REGION
from tests.e2e.deployed import ANYBODY_HERE, Deployed, Key, Role, trusting
from tests.e2e.test_principals import exfiltrated, results
from tests.estate import SECRET, Machine, Place

if TYPE_CHECKING:
    from tests.estate import Estate

side_by_side = pytest.mark.side_by_side


def role_of_instances(deployed: Deployed) -> tuple[Role, tuple[str, str]]:
    """Make a role with an instance profile; who may assume it is narrowed later, when its sessions have begun."""
    name, unique = deployed.estate.role(trust=ANYBODY_HERE)
    iam = deployed.client("iam")
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return Role(name=name, arn=iam.get_role(RoleName=name)["Role"]["Arn"], id=unique), (name, unique)


def sessions(deployed: Deployed, role: Role, *machines: Machine) -> list[Key]:
    """Begin the sessions of some instances; after that EC2 alone may assume the role. Nobody can act as EC2 here."""
    keys = [deployed.session(role, machine.id) for machine in machines]
    only_ec2 = trusting(Service="ec2.amazonaws.com")
    deployed.client("iam").update_assume_role_policy(RoleName=role.name, PolicyDocument=only_ec2)
    return keys


def assert_contained(deployed: Deployed, machine: Machine, place: Place, alert: dict[str, Any]) -> None:
    """Read everything back with the owner's own clients."""
    estate: Estate = deployed.estate
    assert alert["outcome"] == "CONTAINED", [one for one in alert["not_done"] if "FAILED" in one]
    estate.assert_isolated(machine, place)
    estate.assert_kept(machine)
    estate.assert_snapshotted(machine, alert["incident_id"])
    bucket = deployed.outputs["EvidenceBucketName"]
    manifest = estate.assert_evidence(bucket, alert["incident_id"], machine.id)
    assert manifest["incident_id"] == alert["incident_id"]
    assert SECRET not in str(alert)


def untouched(deployed: Deployed, machine: Machine, place: Place) -> bool:
    """Tell whether nothing was made of or about an instance."""
    estate: Estate = deployed.estate
    return (
        estate.groups(machine.id) == machine.interfaces
        and estate.ours(place.vpc) == []
        and estate.snapshots(machine) == []
        and estate.describe(machine.id)["MetadataOptions"]["HttpEndpoint"] == "enabled"
    )


def test_an_instance_with_four_interfaces_is_cut_off_kept_and_put_back(alone: Deployed) -> None:
    """Given an instance that mines, it is contained and another of its role goes on; the pasted undo puts it back."""
    deployed, estate = alone, alone.estate
    place, (role, named) = estate.place(), role_of_instances(deployed)
    machine = estate.machine(place, interfaces=4, volumes=2, role=named)
    other = estate.machine(place, role=named)
    stolen, working = sessions(deployed, role, machine, other)
    assert not deployed.refused(stolen)
    alert = deployed.respond(events.instance_finding(machine.id, finding="CryptoCurrency:EC2/BitcoinTool.B!DNS"))
    assert_contained(deployed, machine, place, alert)
    assert deployed.refused(stolen)
    assert not deployed.refused(working)
    assert estate.groups(other.id) == other.interfaces
    assert any("NAT gateway" in sentence for sentence in alert["not_done"])
    deployed.paste(alert["undo"])
    deployed.told(alert["incident_id"], "RELEASED")
    assert estate.groups(machine.id) == machine.interfaces
    assert len(estate.profiles(machine.id)) == 1
    assert estate.describe(machine.id)["MetadataOptions"]["HttpEndpoint"] == "enabled"
    assert not deployed.refused(stolen)
    assert len(estate.snapshots(machine, alert["incident_id"])) == 2, "evidence stays"
    second = estate.machine(place)
    estate.ec2.stop_instances(InstanceIds=[second.id])
    assert_contained(deployed, second, place, deployed.respond(events.instance_finding(second.id)))


def test_an_instance_in_service_is_taken_out_and_replaced(alone: Deployed) -> None:
    """Given credentials of an instance in a group behind a target group used elsewhere, both wings act, in one case."""
    deployed, estate = alone, alone.estate
    place, (role, named) = estate.place(), role_of_instances(deployed)
    machine = estate.grouped(place, role=named)
    (stolen,) = sessions(deployed, role, machine)
    alert = deployed.respond(exfiltrated(stolen, role, machine.id))
    assert_contained(deployed, machine, place, alert)
    assert deployed.refused(stolen)
    assert machine.id not in estate.members(machine.group)
    assert len(estate.members(machine.group)) == 1
    assert estate.targets(machine.target_groups[0]) == set()
    assert {("leave_groups", "done"), ("leave_balancers", "done"), ("revoke_sessions", "done")} <= results(alert)
    again = deployed.request({"instance_id": machine.id, "region": REGION})
    assert again["incident_id"] == alert["incident_id"]


@side_by_side
def test_an_instance_that_is_gone_is_announced(deployed: Deployed) -> None:
    """Given an instance that is terminated before the finding arrives, people are told, and nothing is tried."""
    machine = deployed.estate.machine()
    deployed.estate.ec2.terminate_instances(InstanceIds=[machine.id])
    alert = deployed.respond(events.instance_finding(machine.id))
    assert (alert["outcome"], alert["actions"]) == ("ANNOUNCED", [])
    assert any("does not exist (any more)" in sentence for sentence in alert["not_done"])


@side_by_side
def test_what_says_nothing_against_an_instance_changes_nothing(deployed: Deployed) -> None:
    """Given reconnaissance, guessed passwords and a sample, the instance is as it was."""
    place = deployed.estate.place()
    machine = deployed.estate.machine(place)
    ended = [
        deployed.ended(execution)["cases"][0]["outcome"]
        for execution in deployed.put(
            events.instance_finding(machine.id, "Recon:EC2/PortProbeUnprotectedPort", "TARGET", severity=2.0),
            events.instance_finding(machine.id, "UnauthorizedAccess:EC2/SSHBruteForce", "TARGET"),
            events.instance_finding(machine.id, "CryptoCurrency:EC2/BitcoinTool.B!DNS", sample=True),
        )
    ]
    assert not set(ended) & {"CONTAINED", "PARTIAL", "FAILED", "PENDING"}
    assert untouched(deployed, machine, place)


@side_by_side
def test_protected_instances_and_vpcs_stay_as_they_are(deployed: Deployed) -> None:
    """Given a protected instance, and one in a protected VPC, findings on them and a person's wish are refused."""
    safe = deployed.safe
    for machine in (safe.machine, safe.inside):
        alert = deployed.request({"instance_id": machine.id, "region": REGION, "mode": "contain"})
        assert alert["outcome"] == "REFUSED"
        assert untouched(deployed, machine, safe.place)
        assert len(deployed.estate.profiles(machine.id)) == 1
        assert deployed.denies(machine.role) == []


def test_fifty_findings_on_an_instance_are_one_case(alone: Deployed) -> None:
    """Given fifty findings on one instance, some of them repeats, there is one group, one snapshot set and one case."""
    deployed, estate = alone, alone.estate
    place = estate.place()
    machine = estate.machine(place, volumes=2)
    findings = [
        events.instance_finding(machine.id, finding_id=f"many-{number % 40}", count=1 + number // 40)
        for number in range(50)
    ]
    executions = [one for start in range(0, 50, 10) for one in deployed.put(*findings[start : start + 10])]
    cases = {deployed.ended(execution, seconds=150)["cases"][0]["incident_id"] for execution in executions}
    assert len(cases) == 1
    (incident_id,) = cases
    assert deployed.case(incident_id)["outcome"] == "CONTAINED"
    estate.assert_isolated(machine, place)
    estate.assert_snapshotted(machine, incident_id)
    estate.assert_evidence(deployed.outputs["EvidenceBucketName"], incident_id, machine.id)
