"""Stories of compromised instances: cut off, kept, their credentials taken, and all of it told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from demo import events
from lambdas import errors
from lambdas.planning import MOST_INSTANCES
from lambdas.playbooks.shape import ISOLATE
from tests.estate import SECRET, Estate, Machine, Place
from tests.flows.account import ACCOUNT, REGION, Account, placeholder
from tests.flows.test_principals import EXFILTRATED, inline, stolen

if TYPE_CHECKING:
    from collections.abc import Callable

SESSION_OF = "StringEquals"
INSTANCE_ACTIONS = [name for name in ISOLATE if name != "revoke_sessions"]


def client(service: str) -> Any:  # noqa: ANN401 - boto3's client
    """Give a client as the owner."""
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]  # any service


@pytest.fixture
def estate(account: Account) -> Estate:  # noqa: ARG001 - the account must be there first
    """Give the owner's instances."""
    return Estate(client)


def results(alert: dict[str, Any]) -> dict[str, str]:
    """Give how each action of an alert ended."""
    return {entry["action"]: entry["result"] for entry in alert["actions"]}


def miner(instance: str, **more: Any) -> events.Event:
    """Give a finding on an instance that does the attacker's work."""
    return events.instance_finding(instance, account=ACCOUNT, **more)


def untouched(estate: Estate, machine: Machine, place: Place) -> bool:
    """Tell whether nothing was made of or about an instance."""
    options = estate.describe(machine.id)["MetadataOptions"]
    return (
        estate.groups(machine.id) == machine.interfaces
        and estate.ours(place.vpc) == []
        and estate.snapshots(machine) == []
        and options["HttpEndpoint"] == "enabled"
    )


def denied_sessions(account: Account, role: str) -> set[str]:
    """Read which sessions of a role are denied; ``older`` stands for all that began before."""
    found = set()
    for condition in inline(account, role).values():
        found.add(condition.get(SESSION_OF, {}).get("aws:userid", "older"))
    return found


def test_a_person_has_an_instance_isolated(account: Account, estate: Estate) -> None:
    """Given an instance that a person names, it is cut off and kept, and everything about it is evidence."""
    place, role = estate.place(), estate.role()
    machine = estate.machine(place, interfaces=2, volumes=2, role=role)
    (case,) = account.run({"instance_id": machine.id, "region": REGION})
    (alert,) = account.alerts()
    assert case["outcome"] == "CONTAINED", (alert, account.tracebacks)
    estate.assert_isolated(machine, place)
    estate.assert_kept(machine)
    estate.assert_snapshotted(machine, case["incident_id"])
    manifest = estate.assert_evidence(account.bucket, case["incident_id"], machine.id)
    assert manifest["incident_id"] == case["incident_id"]
    assert denied_sessions(account, machine.role) == {f"{machine.role_id}:{machine.id}", "older"}
    assert SECRET not in str(alert)
    assert SECRET not in str(account.records(case["incident_id"]))


def test_an_instance_that_mines_is_cut_off_without_asking(account: Account, estate: Estate) -> None:
    """Given a severe finding on an instance whose role another one has too, its own session alone is denied."""
    place, role = estate.place(), estate.role()
    machine = estate.machine(place, interfaces=4, role=role)
    other = estate.machine(place, role=role)
    (case,) = account.run(miner(machine.id))
    assert case["outcome"] == "CONTAINED"
    estate.assert_isolated(machine, place)
    estate.assert_kept(machine)
    estate.assert_snapshotted(machine, case["incident_id"])
    assert denied_sessions(account, machine.role) == {f"{machine.role_id}:{machine.id}"}
    assert estate.groups(other.id) == other.interfaces
    assert len(estate.profiles(other.id)) == 1
    (alert,) = account.alerts()
    assert any("NAT gateway" in sentence for sentence in alert["not_done"]), "what survives is told"
    assert "modify-network-interface-attribute" in account.by_hand(alert["incident_id"])


def test_an_instance_of_a_group_behind_a_target_group_is_taken_out_first(account: Account, estate: Estate) -> None:
    """Given an instance in service, it leaves its group, which starts another one, and its target group."""
    place, role = estate.place(), estate.role()
    machine = estate.grouped(place, role=role)
    order: list[str] = []
    for name in ("leave_groups", "leave_balancers", "isolate_instance"):
        account.before[placeholder(name)] = lambda name=name: order.append(name)  # type: ignore[misc]  # bound in the loop
    (case,) = account.run(miner(machine.id))
    assert case["outcome"] == "CONTAINED"
    assert order[-1] == "isolate_instance"
    assert machine.id not in estate.members(machine.group)
    assert len(estate.members(machine.group)) == 1, "another one took its place"
    assert estate.targets(machine.target_groups[0]) == set()
    assert len(estate.groups(machine.id)) == 1
    estate.assert_isolated(machine, place)
    assert denied_sessions(account, machine.role) == {f"{machine.role_id}:{machine.id}"}, (
        "the next one has the role too"
    )


def test_a_vpc_has_one_isolation_group_for_all_its_instances(account: Account, estate: Estate) -> None:
    """Given a second compromised instance in a VPC, the group that is there is used, also if somebody gave it rules."""
    place = estate.place()
    first, second = estate.machine(place), estate.machine(place)
    account.run(miner(first.id))
    group = estate.assert_isolated(first, place)
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    estate.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=everything)
    (case,) = account.run(miner(second.id))
    assert case["outcome"] == "CONTAINED"
    assert estate.assert_isolated(second, place) == group
    estate.assert_isolated(first, place)


def test_a_stopped_instance_is_contained_too(account: Account, estate: Estate) -> None:
    """Given an instance that is stopped, everything is done that can be: only its screen shows nothing."""
    place = estate.place()
    machine = estate.machine(place)
    estate.ec2.stop_instances(InstanceIds=[machine.id])
    (case,) = account.run(miner(machine.id))
    assert case["outcome"] == "CONTAINED"
    estate.assert_isolated(machine, place)
    estate.assert_snapshotted(machine, case["incident_id"])
    estate.assert_evidence(account.bucket, case["incident_id"], machine.id)


@pytest.mark.parametrize("gone", ["i-0123456789abcdef0", "terminated"])
def test_an_instance_that_is_gone_is_announced(account: Account, estate: Estate, gone: str) -> None:
    """Given an instance that is terminated, or was never here, people are told that there is nothing to do."""
    if gone == "terminated":
        gone = estate.machine().id
        estate.ec2.terminate_instances(InstanceIds=[gone])
    (case,) = account.run(miner(gone))
    assert case["outcome"] == "ANNOUNCED"
    (alert,) = account.alerts()
    assert any("does not exist (any more)" in sentence for sentence in alert["not_done"])
    assert alert["actions"] == []


def test_an_instance_of_another_account_is_announced(account: Account, estate: Estate) -> None:
    """Given a finding of a member account, when it arrives here, nothing is done and people know where to go."""
    place = estate.place()
    machine = estate.machine(place)
    (case,) = account.run(events.instance_finding(machine.id, account="210987654321"))
    assert case["outcome"] == "ANNOUNCED"
    assert untouched(estate, machine, place)
    (alert,) = account.alerts()
    assert any("210987654321" in sentence for sentence in alert["not_done"])


@pytest.mark.parametrize(
    ("about", "outcome"),
    [
        ({"finding": "Recon:EC2/PortProbeUnprotectedPort", "role": "TARGET", "severity": 2.0}, "ANNOUNCED"),
        ({"finding": "Recon:EC2/PortProbeEMRUnprotectedPort", "role": "TARGET"}, "ANNOUNCED"),
        ({"finding": "Recon:EC2/Portscan", "severity": 5.0}, "PENDING"),
        ({"finding": "UnauthorizedAccess:EC2/SSHBruteForce", "role": "TARGET", "severity": 8.0}, "ANNOUNCED"),
        ({"finding": "UnauthorizedAccess:EC2/RDPBruteForce", "role": "TARGET"}, "ANNOUNCED"),
        ({"finding": "Behavior:EC2/TrafficVolumeUnusual", "severity": 5.0}, "ANNOUNCED"),
        ({"finding": "CryptoCurrency:EC2/BitcoinTool.B!DNS", "sample": True}, "OBSERVED"),
        ({"finding": "CryptoCurrency:EC2/BitcoinTool.B!DNS", "archived": True}, "OBSERVED"),
    ],
)
def test_what_says_nothing_against_the_instance_changes_nothing(
    account: Account, estate: Estate, about: dict[str, Any], outcome: str
) -> None:
    """Given reconnaissance, an attack on the instance, a sample or an archived finding, nothing of it is touched."""
    place = estate.place()
    machine = estate.machine(place, role=estate.role())
    (case,) = account.run(miner(machine.id, **about))
    assert case["outcome"] == outcome
    assert untouched(estate, machine, place)
    assert len(estate.profiles(machine.id)) == 1
    assert denied_sessions(account, machine.role) == set()
    assert estate.evidence(account.bucket, case["incident_id"], machine.id) == {}


def test_protected_instances_and_vpcs_are_left_alone(make_account: Callable[..., Account]) -> None:
    """Given a protected instance, and one in a protected VPC, neither is touched, whoever asks, nor its session."""
    account = make_account()
    estate = Estate(client)
    place, safe, role = estate.place(), estate.place(), estate.role()
    machine, inside = estate.machine(place, role=role), estate.machine(safe, role=role)
    protected = {"instances": [machine.id], "vpcs": [safe.vpc]}
    account.deploy_again(**protected)
    for one, where in ((machine, place), (inside, safe)):
        (case,) = account.run(miner(one.id))
        assert case["outcome"] == "REFUSED"
        (again,) = account.run({"instance_id": one.id, "region": REGION, "mode": "contain"})
        assert again["outcome"] == "REFUSED"
        assert untouched(estate, one, where)
    assert denied_sessions(account, role[0]) == set()


def test_a_suspicion_is_asked_about_and_a_yes_contains(account: Account, estate: Estate) -> None:
    """Given a finding of medium severity, nothing is touched until a person says yes, and then everything is done."""
    place, role = estate.place(), estate.role()
    machine = estate.machine(place, role=role)
    (case,) = account.run(miner(machine.id, finding="Recon:EC2/Portscan", severity=5.0))
    assert untouched(estate, machine, place)
    account.alerts()
    account.answer(case["incident_id"], "approve")
    for waiting in account.waiting(case["incident_id"]):
        account.finish(waiting)
    estate.assert_isolated(machine, place)
    estate.assert_kept(machine)
    estate.assert_snapshotted(machine, case["incident_id"])
    estate.assert_evidence(account.bucket, case["incident_id"], machine.id)
    (alert,) = account.alerts()
    assert alert["outcome"] == "CONTAINED"


def test_exfiltrated_credentials_bring_both_wings_into_one_case(account: Account, estate: Estate) -> None:
    """Given credentials of an instance used elsewhere, the session is denied and the instance isolated, in one case."""
    place, role = estate.place(), estate.role()
    machine, other = estate.machine(place, role=role), estate.machine(place, role=role)
    (case,) = account.run(stolen(machine.role, machine.role_id, machine.id, finding=EXFILTRATED, severity=8.0))
    assert case["outcome"] == "CONTAINED"
    estate.assert_isolated(machine, place)
    estate.assert_snapshotted(machine, case["incident_id"])
    assert denied_sessions(account, machine.role) == {f"{machine.role_id}:{machine.id}"}
    assert estate.groups(other.id) == other.interfaces
    account.alerts()
    (joined,) = account.run(miner(machine.id))
    assert joined["incident_id"] == case["incident_id"], "a finding on the instance itself is the same case"


def test_an_attack_sequence_names_an_instance_and_a_key(account: Account, estate: Estate) -> None:
    """Given a sequence with an instance and a user's key in it, the key is disabled and the instance isolated."""
    place = estate.place()
    machine = estate.machine(place, volumes=2)
    (key,) = account.user("ci-user")
    sequence = events.attack_sequence(
        events.actor("ci-user", key_id=key),
        resources=(
            events.hit(key),
            events.hit(f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{machine.id}", "EC2_INSTANCE", account=ACCOUNT),
        ),
        account=ACCOUNT,
    )
    (case,) = account.run(sequence)
    assert case["outcome"] == "CONTAINED"
    assert account.status("ci-user") == {key: "Inactive"}
    assert account.denied("ci-user")
    estate.assert_isolated(machine, place)
    estate.assert_snapshotted(machine, case["incident_id"])


@pytest.mark.parametrize("failing", INSTANCE_ACTIONS)
def test_one_part_that_fails_leaves_all_the_others_done(account: Account, estate: Estate, failing: str) -> None:
    """Given one part that is refused, every other part is done, the outcome is PARTIAL, and the part is named."""
    place, role = estate.place(), estate.role()
    machine = estate.grouped(place, role=role)
    account.failures[placeholder(failing)] = [errors.NotPermitted("no") for _ in range(6)]
    (case,) = account.run(miner(machine.id))
    assert case["outcome"] == "PARTIAL"
    (alert,) = account.alerts()
    ended = results(alert)
    assert {name for name, result in ended.items() if result == "failed"} == {failing}, account.tracebacks
    assert set(ended) == set(ISOLATE)
    assert any("FAILED (NotPermitted" in sentence for sentence in alert["not_done"])
    if failing != "isolate_instance":
        estate.assert_isolated(machine, place)
    if failing != "snapshot_volumes":
        estate.assert_snapshotted(machine, case["incident_id"])
    assert (machine.id in estate.members(machine.group)) is (failing == "leave_groups")


def test_an_isolation_that_is_killed_between_the_two_changes_is_finished(account: Account, estate: Estate) -> None:
    """Given a function that dies three times while the instance stands open, the last try of the workflow closes it."""
    place = estate.place()
    machine = estate.machine(place, interfaces=2)
    deaths = [3]

    def die(**_: object) -> None:
        if deaths[0]:
            deaths[0] -= 1
            raise errors.Unavailable("killed")

    account.on_call("after", "ec2", "ModifyNetworkInterfaceAttribute", die)
    (case,) = account.run(miner(machine.id))
    assert deaths == [0]
    assert case["outcome"] in {"CONTAINED", "PARTIAL"}
    estate.assert_isolated(machine, place)


def test_fifty_findings_on_an_instance_are_one_case(account: Account, estate: Estate) -> None:
    """Given fifty findings at once, some of them the same, there is one group, one set of snapshots and one case."""
    place, role = estate.place(), estate.role()
    machine = estate.machine(place, interfaces=2, volumes=2, role=role)
    findings = [miner(machine.id, finding_id=f"finding-{number % 40}", count=1 + number // 40) for number in range(50)]
    with ThreadPoolExecutor(10) as pool:
        told = [case for cases in pool.map(account.run, findings) for case in cases]
    assert len(told) == 50
    assert len({case["incident_id"] for case in told}) == 1
    (case,) = account.cases()
    assert case["outcome"] == "CONTAINED"
    estate.assert_isolated(machine, place)
    estate.assert_snapshotted(machine, case["pk"])
    estate.assert_evidence(account.bucket, case["pk"], machine.id)
    assert len(account.records(case["pk"], "SIGNAL#")) == 40


def test_an_owner_may_have_instances_stopped_too(make_account: Callable[..., Account]) -> None:
    """Given the setting that adds the stop to a playbook, the instance is stopped after it was isolated."""
    account = make_account(extras={"compromised_instance": ["stop_instance"]})
    estate = Estate(client)
    place = estate.place()
    machine = estate.machine(place)
    (case,) = account.run(miner(machine.id))
    assert case["outcome"] == "CONTAINED"
    estate.assert_isolated(machine, place)
    assert estate.describe(machine.id)["State"]["Name"] == "stopped"
    (alert,) = account.alerts()
    assert results(alert)["stop_instance"] == "done"
    assert "start-instances" in account.by_hand(alert["incident_id"])


def test_what_a_person_released_has_a_second_life(account: Account, estate: Estate) -> None:
    """Given an isolation that was released, a real attack later is kept apart from it, and its undo is of its own."""
    place, later = estate.place(), estate.place()
    machine = estate.machine(place)
    (case,) = account.run(miner(machine.id))
    group = estate.assert_isolated(machine, place)
    new = estate.ec2.create_security_group(GroupName="newer", Description="newer", VpcId=place.vpc)["GroupId"]
    for interface in machine.interfaces:
        estate.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[new])
    estate.ec2.modify_instance_attribute(InstanceId=machine.id, DisableApiTermination={"Value": False})
    account.answer(case["incident_id"], "released")
    account.alerts()
    (again,) = account.run({"instance_id": machine.id, "region": REGION, "mode": "contain"})
    assert again["incident_id"] == case["incident_id"]
    (alert,) = account.alerts()
    assert results(alert)["snapshot_volumes"] == "done", "the disks as they are now are evidence too"
    assert results(alert)["record_instance"] == results(alert)["collect_evidence"] == "done"
    assert estate.assert_isolated(machine, place) == group
    assert len(estate.snapshots(machine, case["incident_id"])) == 2
    assert f"--groups {new}" in account.by_hand(alert["incident_id"])
    assert later.group not in account.by_hand(alert["incident_id"])
    listed = client("s3").list_objects_v2(Bucket=account.bucket, Prefix=f"incidents/{case['incident_id']}/")["Contents"]
    folders = {one["Key"].split("/")[2] for one in listed}
    assert len(folders) == 2
    assert machine.id in folders
    account.run({"instance_id": machine.id, "region": REGION, "mode": "contain"})
    assert len(estate.snapshots(machine, case["incident_id"])) == 2, "the second life has one set too"


def test_an_isolation_that_left_connections_open_is_never_told_as_whole(account: Account, estate: Estate) -> None:
    """Given an open group that cannot be made, the instance is isolated, and each alert says what may go on."""
    place = estate.place()
    machine = estate.machine(place)
    estate.ec2.create_security_group(GroupName=f"tourniquet-open-{machine.id}", Description="x", VpcId=place.vpc)
    (case,) = account.run(miner(machine.id))
    assert case["outcome"] == "PARTIAL"
    (alert,) = account.alerts()
    assert any("connections that were open may go on" in sentence for sentence in alert["not_done"])
    assert any("NAT gateway" in sentence for sentence in alert["not_done"])
    assert "modify-network-interface-attribute" in account.by_hand(alert["incident_id"])
    assert next(iter(estate.groups(machine.id).values())) == [estate.ours(place.vpc)[0]["GroupId"]]
    (repeat,) = account.run(miner(machine.id))
    assert (repeat["outcome"], repeat["alerted"]) == ("PARTIAL", False), "it is not forgotten, and not told again"


def test_what_is_too_long_for_the_workflow_is_fetched_from_the_journal(account: Account, estate: Estate) -> None:
    """Given an instance behind a target group with hundreds of ports, it is contained, and the undo is whole."""
    place = estate.place()
    machine = estate.machine(place)
    balancing = client("elbv2")
    target = balancing.create_target_group(
        Name="many", Protocol="HTTP", Port=80, VpcId=place.vpc, TargetType="instance"
    )
    arn = target["TargetGroups"][0]["TargetGroupArn"]
    balancing.register_targets(
        TargetGroupArn=arn, Targets=[{"Id": machine.id, "Port": port} for port in range(1000, 1600)]
    )
    (case,) = account.run(miner(machine.id))
    assert case["outcome"] == "CONTAINED"
    assert estate.targets(arn) == set()
    (change,) = [one for one in account.records(case["incident_id"], "CHANGE#") if one["action"] == "leave_balancers"]
    assert change["before"] != change["after"]
    estate.assert_isolated(machine, place)
    (alert,) = account.alerts()
    assert "modify-network-interface-attribute" in account.by_hand(alert["incident_id"])


def test_a_finding_that_names_many_instances_has_the_first_isolated(account: Account, estate: Estate) -> None:
    """Given a sequence with more instances than one run carries, the first are isolated and the rest are named."""
    place = estate.place()
    machines = [estate.machine(place) for _ in range(MOST_INSTANCES + 1)]
    sequence = events.attack_sequence(
        resources=tuple(
            events.hit(f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{one.id}", "EC2_INSTANCE", account=ACCOUNT)
            for one in machines
        ),
        finding="AttackSequence:EC2/CompromisedInstanceGroup",
        account=ACCOUNT,
    )
    (case,) = account.run(sequence)
    *first, last = machines
    assert case["outcome"] == "CONTAINED"
    (group,) = estate.ours(place.vpc)
    assert all(set(map(tuple, estate.groups(one.id).values())) == {(group["GroupId"],)} for one in first)
    assert estate.groups(last.id) == last.interfaces
    (alert,) = account.alerts()
    assert any(last.id in sentence and "names more" in sentence for sentence in alert["not_done"])
