"""Stories of the respond workflow: the real ASL, the real handlers, an account in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo import events
from tests.flows.account import ACCOUNT

if TYPE_CHECKING:
    from tests.flows.account import Account


def test_an_exposed_key_is_disabled_and_its_user_denied(account: Account) -> None:
    """Given a user with two keys, when Health reports one, it is inactive, the user denied, people told."""
    leaked, other = account.user("ci-user", path="/pipelines/", keys=2)
    (case,) = account.run(events.health(leaked, user="ci-user", account=ACCOUNT))
    assert case["outcome"] == "CONTAINED"
    assert account.status("ci-user") == {leaked: "Inactive", other: "Active"}
    assert account.denied("ci-user")
    (alert,) = account.alerts()
    assert alert["outcome"] == "CONTAINED"
