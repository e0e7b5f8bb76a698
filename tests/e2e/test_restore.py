"""Restores on the deployed stack: the line of an alert undoes its case, by the functions' own roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demo import events
from tests.e2e.deployed import ADMIN, DENY_ALL, assert_refused, names_user

if TYPE_CHECKING:
    from tests.e2e.deployed import Deployed

pytestmark = pytest.mark.side_by_side


def results(alert: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    """Give the result of each action of an alert."""
    return {one["action"]: one["result"] for one in alert["actions"]}


def test_the_line_of_an_alert_undoes_its_case(deployed: Deployed) -> None:
    """Given a contained user, the pasted undo gives it its rights back but not the leaked key; a second line does."""
    user, (leaked, other) = deployed.user()
    deployed.put(events.health(leaked.id, user=user, event_id=user))
    alert = deployed.alert(names_user(user))
    case = alert["incident_id"]
    deployed.ended(deployed.case(case)["execution"])  # as long as it is watched, a restore is refused
    assert deployed.refused(other)
    deployed.paste(alert["undo"])
    told = deployed.told(case, "RELEASED")
    assert not deployed.refused(other)
    assert deployed.refused(leaked)
    assert results(told)["deny_principal"] == "done"
    deployed.paste(next(step for step in told["next_steps"] if "reactivate_keys" in step).split("\n")[1])
    deployed.alert(
        lambda one: (
            isinstance(one, dict)
            and (one.get("incident_id"), one.get("outcome")) == (case, "RELEASED")
            and results(one).get("disable_key") == "done"
        )
    )
    assert not deployed.refused(leaked)


def test_the_role_that_lifts_denies_cannot_deny_or_grant(deployed: Deployed) -> None:
    """Given the credentials of the function that lifts denies, it can deny nobody, and take nothing but the deny."""
    iam = deployed.client("iam", deployed.as_function("UndoDenyPrincipal"))
    victim, _ = deployed.user()
    assert_refused(lambda: iam.attach_user_policy(UserName=victim, PolicyArn=DENY_ALL))
    assert_refused(lambda: iam.put_user_permissions_boundary(UserName=victim, PermissionsBoundary=DENY_ALL))
    assert_refused(lambda: iam.create_access_key(UserName=victim))
    assert_refused(lambda: iam.detach_user_policy(UserName=victim, PolicyArn=ADMIN))
