"""What an investigation found, contained in the case that it was found for, in the real workflow."""

from __future__ import annotations

from demo import events
from tests.flows.account import ACCOUNT, Account


def contained(account: Account) -> str:
    """Have a leaked key contained; give the case's id."""
    (key,) = account.user("ci-user")
    (case,) = account.run(events.health(key, account=ACCOUNT))
    account.alerts()
    return str(case["incident_id"])


def test_what_was_found_is_contained_in_the_case_that_it_was_found_for(account: Account) -> None:
    """Given a case and a user that the attacker made, the user is cut off in the same case, and people are told."""
    case = contained(account)
    (key,) = account.user("backdoor")
    unique = account.iam.get_user(UserName="backdoor")["User"]["UserId"]
    (told,) = account.run({"incident_id": case, "found": [{"kind": "user", "id": unique, "name": "backdoor"}]})
    assert told == {"incident_id": case, "outcome": "CONTAINED", "alerted": True}
    assert account.denied("backdoor")
    assert account.status("backdoor") == {key: "Inactive"}
    assert len(account.cases()) == 1
    (alert,) = account.alerts()
    assert alert["signal"]["source"] == "investigation"
    assert {target["name"] for target in alert["targets"]} == {"backdoor"}


def test_the_same_found_again_tells_nothing_new(account: Account) -> None:
    """Given what was found and contained, the second look finds it again, and nobody is told twice."""
    case = contained(account)
    account.user("backdoor")
    for _ in range(2):
        account.run({"incident_id": case, "found": [{"kind": "user", "id": "", "name": "backdoor"}]})
    assert len(account.alerts()) == 1


def test_what_was_undone_since_is_made_again_by_a_second_look(account: Account) -> None:
    """Given a deny that somebody detached, what was contained is found again, and cut again, in the same case."""
    case = contained(account)
    account.iam.detach_user_policy(UserName="ci-user", PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
    (told,) = account.run({"incident_id": case, "found": [{"kind": "user", "id": "", "name": "ci-user"}]})
    assert told["outcome"] == "REPEATED"
    assert account.denied("ci-user")


def test_nothing_is_contained_for_a_case_that_a_person_gave_back(account: Account) -> None:
    """Given a released case, what was found for it is told, and left."""
    case = contained(account)
    account.answer(case, "released")
    account.alerts()
    (key,) = account.user("backdoor")
    account.run({"incident_id": case, "found": [{"kind": "user", "id": "", "name": "backdoor"}]})
    assert account.status("backdoor") == {key: "Active"}
    assert not account.denied("backdoor")
    (alert,) = account.alerts()
    assert any("gave the case back" in sentence for sentence in alert["not_done"])


def test_what_was_found_for_a_case_that_nobody_knows_is_a_case_of_its_own(account: Account) -> None:
    """Given an incident id that the table does not have, what was found is contained in a case of its own."""
    account.user("backdoor")
    (told,) = account.run(
        {"incident_id": "inc-20200101-0000000000", "found": [{"kind": "user", "id": "", "name": "backdoor"}]}
    )
    assert told["outcome"] == "CONTAINED"
    assert [case["pk"] for case in account.cases()] == [told["incident_id"]]


def test_a_second_look_contains_nothing_either_for_a_case_that_a_person_gave_back(account: Account) -> None:
    """Given a released case, what is found for it twice is left both times, told once, and the case stays released."""
    case = contained(account)
    account.answer(case, "released")
    account.alerts()
    (key,) = account.user("backdoor")
    for _ in range(2):
        account.run({"incident_id": case, "found": [{"kind": "user", "id": "", "name": "backdoor"}]})
        assert [one["outcome"] for one in account.cases()] == ["RELEASED"]
    assert account.status("backdoor") == {key: "Active"}
    assert not account.denied("backdoor")
    assert len(account.alerts()) == 1
