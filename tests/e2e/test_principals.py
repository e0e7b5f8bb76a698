"""Each kind of principal: the attacker's credentials work before and are refused after, and nobody else's are."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from demo import events
from demo.aws import ACCOUNT
from tests.e2e.deployed import Deployed, Key, Role, trusting

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.side_by_side

EXFILTRATED = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"
ANOTHER_ACCOUNT = "999988887777"
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def stolen(key: Key, role: Role, session: str, **more: Any) -> events.Event:
    """Give a finding on a session of a role."""
    principal = f"{role.id}:{session}"
    return events.guardduty(key.id, role.name, user_type="AssumedRole", principal_id=principal, **more)


def exfiltrated(key: Key, role: Role, instance: str) -> events.Event:
    """Give a finding on an instance's credentials that somebody uses elsewhere."""
    return stolen(key, role, instance, finding=EXFILTRATED, severity=8.0)


def results(alert: dict[str, Any]) -> set[tuple[str, str]]:
    """Give the actions of an alert, with how each ended."""
    return {(action["action"], action["result"]) for action in alert["actions"]}


def an_instance() -> str:
    """Make up an instance's id."""
    return f"i-{uuid.uuid4().hex[:17]}"


def instance_role(deployed: Deployed, *instances: str) -> tuple[Role, list[Key]]:
    """Make a role that only EC2 may assume, with the sessions of some instances.

    Nobody can act as EC2 here, so the sessions begin before the role's trust is narrowed.
    """
    role = deployed.role()
    keys = [deployed.session(role, instance) for instance in instances]
    only_ec2 = trusting(Service="ec2.amazonaws.com")
    deployed.client("iam").update_assume_role_policy(RoleName=role.name, PolicyDocument=only_ec2)
    return role, keys


def test_a_leaked_key_takes_every_session_made_from_it_along(deployed: Deployed) -> None:
    """Given a user's leaked key and two kinds of session made from it, when AWS reports it, all three are refused."""
    user, (leaked, _) = deployed.user()
    _, (bystander, _) = deployed.user()
    sts = deployed.client("sts", leaked)
    session = Key.of(sts.get_session_token()["Credentials"])
    federated = Key.of(sts.get_federation_token(Name="visitor", Policy=ANYTHING)["Credentials"])
    assert not any(deployed.refused(key) for key in (leaked, session, federated))
    alert = deployed.respond(events.health(leaked.id, user=user, event_id=user))
    assert alert["outcome"] == "CONTAINED"
    assert all(deployed.refused(key) for key in (leaked, session, federated))
    assert not deployed.refused(bystander)


def test_a_finding_on_a_session_of_a_user_denies_the_user(deployed: Deployed) -> None:
    """Given a finding on a session of GetSessionToken, the session is refused, and so is all else of the user."""
    user, (own, other) = deployed.user()
    _, (bystander, _) = deployed.user()
    session = Key.of(deployed.client("sts", own).get_session_token()["Credentials"])
    user_id = deployed.client("iam").get_user(UserName=user)["User"]["UserId"]
    assert not deployed.refused(session)
    alert = deployed.respond(events.guardduty(session.id, user, principal_id=user_id))
    assert alert["outcome"] == "CONTAINED"
    assert all(deployed.refused(key) for key in (session, own, other))
    assert not deployed.refused(bystander)


def test_a_stolen_session_of_a_shared_role_is_refused_and_the_others_go_on(deployed: Deployed) -> None:
    """Given two sessions of a role, when one is stolen, only that one is denied; people are asked about the rest."""
    role = deployed.role()
    thief, pipeline = deployed.session(role, "intruder"), deployed.session(role, "pipeline")
    assert not deployed.refused(thief)
    alert = deployed.respond(stolen(thief, role, "intruder"))
    assert alert["outcome"] == "PENDING"
    assert results(alert) == {("revoke_sessions", "done"), ("revoke_sessions", "planned")}
    assert deployed.refused(thief)
    assert not deployed.refused(pipeline)
    assert len(deployed.denies(role.name)) == 1
    assert not deployed.refused(deployed.session(role, "somebody-else"))


def test_approving_the_wider_cut_ends_every_older_session(deployed: Deployed) -> None:
    """Given the question about a shared role, when a person approves, every session that began before is refused."""
    role = deployed.role()
    thief, pipeline = deployed.session(role, "intruder"), deployed.session(role, "pipeline")
    _, (bystander, _) = deployed.user()
    asked = deployed.respond(stolen(thief, role, "intruder"))
    assert not deployed.refused(pipeline)
    yes = asked["next_steps"][0].split("\n")[1]
    assert deployed.start_pasted(yes)["taken"] == "approve"
    deployed.told(asked["incident_id"], "CONTAINED")
    assert all(deployed.refused(key) for key in (thief, pipeline))
    assert len(deployed.denies(role.name)) == 2
    assert not deployed.refused(bystander)


def test_a_role_that_one_user_alone_may_assume_is_denied_at_once(deployed: Deployed) -> None:
    """Given a role whose trust names one user, when a session of it is stolen, nobody is asked about the whole role."""
    user, (own, _) = deployed.user()
    arn = deployed.client("iam").get_user(UserName=user)["User"]["Arn"]
    role = deployed.role(trusting(AWS=arn))
    thief, earlier = deployed.session(role, "intruder", by=own), deployed.session(role, "earlier", by=own)
    assert not any(deployed.refused(key) for key in (thief, earlier))
    alert = deployed.respond(stolen(thief, role, "intruder"))
    assert alert["outcome"] == "CONTAINED"
    assert results(alert) == {("revoke_sessions", "done"), ("deny_principal", "done")}
    assert all(deployed.refused(key) for key in (thief, earlier))
    assert deployed.refused(deployed.session(role, "another-name", by=own))
    assert not deployed.refused(own)


def test_an_instances_exfiltrated_credentials_are_refused_and_another_instances_work(deployed: Deployed) -> None:
    """Given a role of two instances, when one's credentials are used elsewhere, the other instance keeps its own."""
    leaking, other = an_instance(), an_instance()
    role, (taken, safe) = instance_role(deployed, leaking, other)
    assert not any(deployed.refused(key) for key in (taken, safe))
    alert = deployed.respond(exfiltrated(taken, role, leaking))
    assert alert["outcome"] == "CONTAINED"
    assert results(alert) == {("revoke_sessions", "done")}
    assert deployed.refused(taken)
    assert not deployed.refused(safe)


def test_two_cases_on_one_role_each_keep_their_deny(deployed: Deployed) -> None:
    """Given a role of three instances, when two are reported at once, each case has its own policy on the role."""
    first, second, third = an_instance(), an_instance(), an_instance()
    role, (one, two, safe) = instance_role(deployed, first, second, third)
    assert not any(deployed.refused(key) for key in (one, two, safe))
    alerts = deployed.at_once(
        lambda: deployed.respond(exfiltrated(one, role, first)),
        lambda: deployed.respond(exfiltrated(two, role, second)),
    )
    assert [alert["outcome"] for alert in alerts] == ["CONTAINED", "CONTAINED"]
    cases = {alert["incident_id"] for alert in alerts}
    assert len(cases) == 2
    denies = deployed.denies(role.name)
    assert len(denies) == 2
    assert all(any(case in name for name in denies) for case in cases)
    assert all(deployed.refused(key) for key in (one, two))
    assert not deployed.refused(safe)
    deployed.paste(alerts[0]["undo"])
    deployed.told(alerts[0]["incident_id"], "RELEASED")
    assert not deployed.refused(one)
    assert deployed.refused(two)


def test_a_federated_session_leads_to_the_user_who_issued_it(deployed: Deployed) -> None:
    """Given a federated user's session that called something, people are asked about its issuer; a yes ends it."""
    issuer, (own, _) = deployed.user()
    _, (bystander, _) = deployed.user()
    name = f"visitor-{uuid.uuid4().hex[:8]}"
    made = deployed.client("sts", own).get_federation_token(Name=name, Policy=ANYTHING)
    session = Key.of(made["Credentials"])
    assert not deployed.refused(session)
    finding = events.guardduty(session.id, name, user_type="FederatedUser", principal_id=f"{ACCOUNT}:{name}")
    asked = deployed.respond(finding)
    assert asked["outcome"] == "PENDING"
    assert any(f"user {issuer}" in sentence for sentence in asked["not_done"])
    assert not deployed.refused(session)
    yes = asked["next_steps"][0].split("\n")[1]
    assert deployed.start_pasted(yes)["taken"] == "approve"
    deployed.told(asked["incident_id"], "CONTAINED")
    assert deployed.refused(session)
    assert not deployed.refused(bystander)


def test_the_root_user_is_announced_with_what_to_do(deployed: Deployed) -> None:
    """Given a finding on the root user, nothing is changed and the alert says how a person takes root back."""
    finding = events.guardduty("AKIAIOSFODNN7ROOT000", "Root", user_type="Root", principal_id=ACCOUNT)
    alert = deployed.respond(finding)
    announced(deployed, alert, "Sign in as root now: delete its access keys")


def service_linked(deployed: Deployed) -> Role:
    """Make a role that belongs to a service."""
    suffix = uuid.uuid4().hex[:8]
    made = deployed.client("iam").create_service_linked_role(
        AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=suffix
    )["Role"]
    return Role(name=made["RoleName"], arn=made["Arn"], id=made["RoleId"])


def of_identity_center(deployed: Deployed) -> Role:
    """Make a role as Identity Center makes it."""
    made = deployed.client("iam").create_role(
        RoleName=f"AWSReservedSSO_Admin_{uuid.uuid4().hex[:16]}",
        Path="/aws-reserved/sso.amazonaws.com/",
        AssumeRolePolicyDocument=trusting(Federated=f"arn:aws:iam::{ACCOUNT}:saml-provider/AWSSSO_DO_NOT_DELETE"),
    )["Role"]
    return Role(name=made["RoleName"], arn=made["Arn"], id=made["RoleId"])


UNCHANGEABLE: dict[str, tuple[Callable[[Deployed], Role], str]] = {
    "service-linked": (service_linked, "belongs to the AWS service that it is for"),
    "Identity Center": (of_identity_center, "end its active sessions there"),
}


@pytest.mark.parametrize("kind", UNCHANGEABLE)
def test_a_role_that_only_aws_can_change_is_announced_with_what_to_do(deployed: Deployed, kind: str) -> None:
    """Given a finding on a session of such a role, nothing is tried and the alert says what is left to do."""
    make, sentence = UNCHANGEABLE[kind]
    role = make(deployed)
    before = deployed.state_of_role(role.name)
    alert = deployed.respond(stolen(Key(id="ASIAIOSFODNN7SESSION", secret=""), role, "somebody"))
    announced(deployed, alert, sentence)
    assert deployed.state_of_role(role.name) == before


def test_another_accounts_principal_is_announced(deployed: Deployed) -> None:
    """Given a call by another account, the alert names that account and where to look for what let it in."""
    finding = events.guardduty("", "", user_type="AWSAccount", principal_id=ANOTHER_ACCOUNT)
    announced(deployed, deployed.respond(finding), f"belongs to account {ANOTHER_ACCOUNT}, which is not this one")


def test_a_finding_of_another_account_touches_nobody_of_the_same_name_here(deployed: Deployed) -> None:
    """Given a finding about another account that names a user and a key of this one, they stay as they are."""
    user, (own, _) = deployed.user()
    before = deployed.state_of_user(user)
    alert = deployed.respond(events.guardduty(own.id, user, account=ANOTHER_ACCOUNT))
    announced(deployed, alert, f"belongs to account {ANOTHER_ACCOUNT}")
    assert deployed.state_of_user(user) == before
    assert not deployed.refused(own)


def announced(deployed: Deployed, alert: dict[str, Any], sentence: str) -> None:
    """Check that a case changed nothing, and that its alert says what a person does now."""
    assert alert["outcome"] == "ANNOUNCED"
    assert alert["actions"] == []
    assert deployed.records(alert["incident_id"], "CHANGE#") == []
    assert any(sentence in said for said in alert["not_done"]), alert["not_done"]
    assert alert["next_steps"]
