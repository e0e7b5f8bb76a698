"""Stories of the guardrails: how far the responder may go, and what it must never touch."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from lambdas.guardrails import (
    Guardrails,
    acts,
    as_of_now,
    ask_about,
    asks,
    by_person,
    cautious,
    doubt,
    insists,
    mode_of,
    refusal,
    wider,
)
from lambdas.model import Fact, Incident, Kind, Mode, PlanItem, Standing, Target
from lambdas.playbooks.shape import Playbook, Trigger
from tests.unit.cases import (
    ACCOUNT,
    CASE,
    INSTANCE,
    ROLE,
    ROLE_ARN,
    SESSION_KEY,
    UNKNOWN,
    USER,
    USER_ARN,
    VPC,
    federated,
    here,
    incident,
    instance,
    key,
    of_instance,
    of_role,
    planned,
    role,
    session,
    user,
)

OBSERVE, APPROVE, CONTAIN = Mode.OBSERVE, Mode.APPROVE, Mode.CONTAIN
STEPS = ((2.0, APPROVE), (7.0, CONTAIN))
PLAYBOOK = Playbook(
    name="exposed_key",
    triggers=(Trigger(source="*"),),
    actions=("disable_key", "deny_principal", "revoke_sessions"),
    modes=STEPS,
    next_steps=("Look.",),
)


def rails(**settings: Any) -> Guardrails:
    """Give the guardrails of the account."""
    return Guardrails(account=ACCOUNT, **settings)


def request(wanted: Mode | None = None) -> Incident:
    """Give what a person asks for."""
    return incident(user(), source="manual", type_="request", wanted=wanted)


def item(mode: Mode = CONTAIN, *, target: Target | None = None, refused: str = "", **args: str) -> PlanItem:
    """Give an item on a user, or on what is named."""
    return PlanItem(
        incident_id=CASE,
        action="deny_principal",
        target=target or user(),
        args=args or {"user": USER},
        mode=mode,
        why="the playbook says so",
        refused=refused,
    )


@pytest.mark.parametrize(
    ("severity", "mode"),
    [(0.0, OBSERVE), (1.9, OBSERVE), (2.0, APPROVE), (6.9, APPROVE), (7.0, CONTAIN), (10.0, CONTAIN)],
)
@pytest.mark.parametrize("by", ["playbook", "setting"])
def test_how_far_to_go_depends_on_the_severity(severity: float, mode: Mode, by: str) -> None:
    """Given steps of a playbook or of the owner's setting, the highest step that the severity reaches decides."""
    found = incident(user(), severity=severity)
    if by == "playbook":
        decided, why = mode_of(found, PLAYBOOK, rails())
        assert why == f"the playbook exposed_key says so at severity {severity:g}"
    else:
        decided, why = mode_of(found, replace(PLAYBOOK, modes=((0.0, CONTAIN),)), rails(modes={"exposed_key": STEPS}))
        assert why == f'the setting "playbook_modes" says so for exposed_key at severity {severity:g}'
    assert decided is mode


def test_a_setting_takes_the_place_of_all_steps_of_a_playbook() -> None:
    """Given a playbook that contains at 7, when the owner's setting begins at 9, severity 8 is only observed."""
    decided, _ = mode_of(incident(user(), severity=8.0), PLAYBOOK, rails(modes={"exposed_key": ((9.0, CONTAIN),)}))
    assert decided is OBSERVE


def test_a_mode_for_every_severity_is_told_without_one() -> None:
    """Given one mode for every severity, when it is told why, no severity is named, which would mislead."""
    assert mode_of(incident(user()), replace(PLAYBOOK, modes=((0.0, CONTAIN),)), rails()) == (
        CONTAIN,
        "the playbook exposed_key says so",
    )
    assert "severity" not in mode_of(incident(user()), PLAYBOOK, rails(modes={"exposed_key": ((0.0, OBSERVE),)}))[1]


@pytest.mark.parametrize("severity", [0.0, 10.0])
@pytest.mark.parametrize(
    ("inert", "observe_all", "wanted", "setting"),
    list(product(("", "this is a sample"), (False, True), (None, *Mode), (None, *Mode))),
)
def test_the_order_of_what_decides(
    severity: float,
    inert: str,
    observe_all: bool,  # noqa: FBT001 - a table's column
    wanted: Mode | None,
    setting: Mode | None,
) -> None:
    """Given all that can decide: first inert, then the switch, the person, the settings, and the playbook last."""
    found = replace(request(wanted), signal=replace(request().signal, inert=inert, severity=severity))
    settings = {"exposed_key": ((5.0, setting),)} if setting else {}
    decided, why = mode_of(found, PLAYBOOK, rails(observe_all=observe_all, modes=settings))
    by_severity = (setting or CONTAIN) if severity else OBSERVE
    expected = OBSERVE if inert or observe_all else wanted or by_severity
    assert decided is expected
    said = inert or ("observe" if observe_all else "request" if wanted else "playbook_modes" if setting else "playbook")
    assert said in why


@pytest.mark.parametrize("wanted", [None, *Mode])
def test_only_a_person_who_says_contain_insists(wanted: Mode | None) -> None:
    """Given requests and signals, only a request that says "contain" is not asked about again."""
    assert by_person(request(wanted))
    assert insists(request(wanted)) is (wanted is CONTAIN)
    signal = incident(user(), wanted=wanted)
    assert not by_person(signal)
    assert not insists(signal), "an event cannot insist, whatever stands in it"


@pytest.mark.parametrize("beyond", [True, False])
@pytest.mark.parametrize(("mode", "wide"), list(product(Mode, Mode)))
def test_what_may_hit_others_goes_no_further_than_the_playbooks_wide(mode: Mode, wide: Mode, beyond: bool) -> None:  # noqa: FBT001 - a table's column
    """Given an item that may hit others, it is held to the narrower of its mode and the playbook's ``wide``."""
    order = [OBSERVE, APPROVE, CONTAIN]
    playbook = replace(PLAYBOOK, wide=wide)
    held = cautious(item(mode), "others use it", incident(user()), playbook, beyond=beyond)
    assert held.mode is min(mode, wide, key=order.index)
    assert held.why == ("others use it" if held.mode is not mode else "the playbook says so")
    assert held.needs_yes is (held.mode is not mode), "silence must not make what may hit others"
    assert replace(held, mode=mode, why="the playbook says so", needs_yes=False) == item(mode)


@pytest.mark.parametrize("wide", list(Mode))
def test_without_a_caution_nothing_is_held_back(wide: Mode) -> None:
    """Given an item that hits nobody else, it is as it was, whatever the playbook's ``wide``."""
    playbook = replace(PLAYBOOK, wide=wide)
    for found in (incident(user()), request(), request(CONTAIN)):
        assert cautious(item(), "", found, playbook, beyond=False) == item()


def test_a_person_who_insists_is_held_back_only_from_what_they_did_not_name() -> None:
    """Given a request that says "contain", what may hit others is made, but not what goes beyond what was named."""
    assert cautious(item(), "others use it", request(CONTAIN), PLAYBOOK, beyond=False) == item()
    assert cautious(item(), "others use it", request(CONTAIN), PLAYBOOK, beyond=True).mode is APPROVE


@pytest.mark.parametrize("wanted", [None, APPROVE])
def test_a_person_who_does_not_insist_is_held_to_the_playbook(wanted: Mode | None) -> None:
    """Given a request without "contain", what may hit others is asked about where the playbook says so."""
    assert cautious(item(), "others use it", request(wanted), PLAYBOOK, beyond=False).mode is APPROVE


def test_only_what_would_be_made_at_once_becomes_a_question() -> None:
    """Given items, when the breaker asks about them, those that would not be made at once stay as they are."""
    assert ask_about(item(), "too many") == replace(item(), mode=APPROVE, why="too many", needs_yes=True)
    for other in (item(OBSERVE), item(APPROVE), item(refused="protected"), item(APPROVE, refused="protected")):
        assert ask_about(other, "too many") == other


@pytest.mark.parametrize(("mode", "refused"), list(product(Mode, ("", "protected"))))
def test_what_is_refused_is_neither_made_nor_asked_about(mode: Mode, refused: str) -> None:
    """Given an item, it is made at once, asked about, or neither; a refused one is neither."""
    one = item(mode, refused=refused)
    assert acts(one) is (mode is CONTAIN and not refused)
    assert asks(one) is (mode is APPROVE and not refused)


def test_an_item_that_goes_further_is_wider() -> None:
    """Given modes, contain goes further than approve, approve further than observe, and none than itself."""
    order = [OBSERVE, APPROVE, CONTAIN]
    for one, other in product(order, order):
        assert wider(item(one), item(other)) is (order.index(one) > order.index(other))


USER_ITEM = item()
ROLE_ITEM = item(target=role(), role=ROLE)
INSTANCE_ITEM = replace(ROLE_ITEM, args={"role": ROLE, "of_instances": True})
BY_SETTING = 'its {} is in the setting "protected_principals"'
OWN = "its role is the responder's own or one that the CDK deploys with"


@pytest.mark.parametrize(
    ("named", "fact", "settings", "says"),
    [
        (user(), here(), {"protected": {USER_ARN}}, BY_SETTING.format("user")),
        (user(), here(), {"protected": {f"arn:aws:iam::{ACCOUNT}:user/{USER}"}}, ""),
        (user(), here(), {"protected": {USER_ARN.replace(ACCOUNT, "210987654321")}}, ""),
        (user(), here(), {"protected": {USER_ARN.upper()}}, ""),
        (user(), UNKNOWN, {"protected": {USER_ARN}}, BY_SETTING.format("user")),
        (user(), UNKNOWN, {"protected": {f"arn:aws:iam::{ACCOUNT}:role/{USER}"}}, ""),
        (user(), UNKNOWN, {"protected": {f"{USER_ARN}-2"}}, ""),
        (user(), UNKNOWN, {"protected": {f"arn:aws:iam::{ACCOUNT}:user/{USER}/x"}}, ""),
        (key(), here(), {"protected": {USER_ARN}}, BY_SETTING.format("user")),
        (user(), here(), {"own": {f"role/{USER}"}}, ""),
        (user(), UNKNOWN, {"own": {f"role/{USER}"}}, ""),
        (role(), of_role(), {"protected": {ROLE_ARN}}, BY_SETTING.format("role")),
        (role(), of_role(), {"protected": {f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"}}, ""),
        (role(), UNKNOWN, {"protected": {ROLE_ARN}}, BY_SETTING.format("role")),
        (role(), UNKNOWN, {"protected": {f"arn:aws:iam::{ACCOUNT}:user/{ROLE}"}}, ""),
        (session(), of_role(), {"protected": {ROLE_ARN}}, BY_SETTING.format("role")),
        (session(), UNKNOWN, {"protected": {ROLE_ARN}}, BY_SETTING.format("role")),
        (role(), of_role(), {"own": {f"role/pipelines/{ROLE}"}}, OWN),
        (role(), of_role(), {"own": {f"role/{ROLE}"}}, ""),
        (role(), UNKNOWN, {"own": {f"role/tourniquet/{ROLE}"}}, OWN),
        (session(), of_role(), {"own": {f"role/pipelines/{ROLE}"}}, OWN),
        (session(INSTANCE), of_role(), {"instances": {INSTANCE}}, ""),
        (session(INSTANCE), of_role(vpcs=(VPC,)), {"vpcs": {VPC}}, ""),
    ],
)
def test_what_is_protected_is_refused_and_nothing_else(
    named: Target, fact: Fact, settings: dict[str, set[str]], says: str
) -> None:
    """Given what the owner protects: the exact ARN decides, the name where no ARN is known, and ids exactly."""
    one = USER_ITEM if named.kind in {"user", "access_key"} else ROLE_ITEM
    given = rails(**{name: frozenset(values) for name, values in settings.items()})
    assert refusal(one, named, fact, given) == says


@pytest.mark.parametrize(
    ("named", "vpcs", "settings", "says"),
    [
        (session(INSTANCE), None, {"instances": {INSTANCE}}, 'its instance is in the setting "protected_instances"'),
        (session(INSTANCE), None, {"instances": {"i-0123456789abcdef1"}}, ""),
        (role(), None, {"instances": {INSTANCE}}, ""),
        (
            session(INSTANCE),
            ("vpc-1", VPC),
            {"vpcs": {VPC}},
            f'its instance is in {VPC}, which is in the setting "protected_vpcs"',
        ),
        (session(INSTANCE), ("vpc-1",), {"vpcs": {VPC}}, ""),
        (session(INSTANCE), (), {"vpcs": {VPC}}, ""),
        (session(INSTANCE), None, {"vpcs": {VPC}}, ""),
    ],
)
def test_the_session_of_a_protected_instance_is_refused_where_nobody_can_choose_its_name(
    named: Target, vpcs: tuple[str, ...] | None, settings: dict[str, set[str]], says: str
) -> None:
    """Given a role that EC2 alone can assume, a session is its instance's, and the instance or its VPC protects it."""
    given = rails(**{name: frozenset(values) for name, values in settings.items()})
    assert refusal(INSTANCE_ITEM, named, of_role(of_instances=True, vpcs=vpcs), given) == says


@pytest.mark.parametrize(
    ("target", "fact", "protected"),
    [
        (key(), here(), USER_ARN),
        (user(), here(), USER_ARN),
        (key(SESSION_KEY), here(), USER_ARN),
        (role(), of_role(shared=False), ROLE_ARN),
        (session(), of_role(), ROLE_ARN),
        (session(), of_role(shared=False), ROLE_ARN),
        (session(INSTANCE), of_role(names_chosen=False), ROLE_ARN),
        (session(), UNKNOWN, ROLE_ARN),
        (key(SESSION_KEY, ""), of_role(means=session()), ROLE_ARN),
        (federated(), replace(here(), means=user()), USER_ARN),
    ],
)
def test_every_item_of_a_protected_principal_is_refused_whatever_asks_for_it(
    target: Target, fact: Fact, protected: str
) -> None:
    """Given a protected user or role, when a signal or a person who insists names it, every item is refused."""
    for found in (incident(target), replace(request(CONTAIN), targets=(target,))):
        plan = planned(found, {target: fact}, protected=frozenset({protected}))
        assert plan.items
        assert all(one.refused for one in plan.items)
        assert not any(acts(one) or asks(one) for one in plan.items)


@pytest.mark.parametrize("settings", [{"instances": frozenset({INSTANCE})}, {"vpcs": frozenset({VPC})}])
@pytest.mark.parametrize("known_by", [session(INSTANCE), key(SESSION_KEY, "")])
def test_the_session_of_a_protected_instance_is_refused_however_it_is_named(
    known_by: Target, settings: dict[str, frozenset[str]]
) -> None:
    """Given a protected instance or VPC, when its session is named, or only the session's key, nothing is made."""
    means = session(INSTANCE) if known_by.kind is Kind.ACCESS_KEY else None
    fact = of_role(of_instances=True, means=means, vpcs=(VPC,))
    guarded: dict[str, Any] = dict(settings)
    for found in (incident(known_by), replace(request(CONTAIN), targets=(known_by,))):
        (one,) = planned(found, {known_by: fact}, **guarded).items
        assert "its instance is in" in one.refused
        (free,) = planned(found, {known_by: fact}).items
        assert acts(free)


INSTANCES, VPCS = frozenset({INSTANCE}), frozenset({VPC})


@pytest.mark.parametrize(
    ("named", "fact", "settings", "says"),
    [
        (session(INSTANCE), of_role(of_instances=True), {"vpcs": VPCS}, "EC2 did not say"),
        (session(INSTANCE), of_role(of_instances=True, vpcs=()), {"vpcs": VPCS}, ""),  # no region has it
        (session(INSTANCE), of_role(of_instances=True, vpcs=("vpc-1",)), {"vpcs": VPCS}, ""),
        (session(INSTANCE), of_role(of_instances=True), {}, ""),
        (session(INSTANCE), of_role(of_instances=True), {"instances": INSTANCES}, ""),
        (session(INSTANCE), of_role(), {"vpcs": VPCS, "instances": INSTANCES}, ""),
        (session(INSTANCE), UNKNOWN, {"vpcs": VPCS}, "EC2 did not say"),
        (session(INSTANCE), Fact(standing=Standing.UNKNOWN, vpcs=("vpc-1",)), {"vpcs": VPCS}, ""),
        (session(INSTANCE), UNKNOWN, {"instances": INSTANCES}, "IAM did not say"),
        (session(INSTANCE), UNKNOWN, {"instances": frozenset({"i-0123456789abcdef1"})}, ""),
        (session(INSTANCE), UNKNOWN, {}, ""),
        (session("attacker"), UNKNOWN, {"vpcs": VPCS, "instances": INSTANCES}, ""),
        (role(), UNKNOWN, {"vpcs": VPCS, "instances": INSTANCES}, ""),
        (user(), UNKNOWN, {"vpcs": VPCS, "instances": INSTANCES}, ""),
    ],
)
def test_what_may_be_a_protected_instances_is_a_doubt(
    named: Target, fact: Fact, settings: dict[str, frozenset[str]], says: str
) -> None:
    """Given protected instances and VPCs, when nobody could tell whether it is one's session, that is a doubt."""
    found = doubt(named, fact, rails(**settings))
    assert found.startswith(says)
    assert bool(found) is bool(says)


@pytest.mark.parametrize("mode", list(Mode))
def test_what_was_planned_earlier_is_held_to_the_settings_of_now(mode: Mode) -> None:
    """Given an item of an earlier plan, when the owner protects its user or switches to observe, it is not made."""
    one = item(mode)
    assert as_of_now(one, rails()) == one
    assert as_of_now(one, rails(protected=frozenset({USER_ARN}))).refused == BY_SETTING.format("user")
    assert as_of_now(ROLE_ITEM, rails(own=frozenset({f"role/tourniquet/{ROLE}"}))).refused == OWN
    observed = as_of_now(one, rails(observe_all=True))
    assert observed.mode is OBSERVE
    assert '"mode" is "observe"' in observed.why
    assert as_of_now(item(mode, refused="protected"), rails()).refused == "protected", "it was refused when planned"


def test_an_instance_that_is_protected_since_is_not_cut_off() -> None:
    """Given an item on an instance's session, when the owner protects the instance before the yes, it is refused."""
    one = replace(INSTANCE_ITEM, action="revoke_sessions", target=session(INSTANCE))
    assert "protected_instances" in as_of_now(one, rails(instances=INSTANCES)).refused
    assert as_of_now(one, rails()).refused == ""


@pytest.mark.parametrize("known_by", [session(INSTANCE), key(SESSION_KEY, "")])
def test_an_instance_that_may_be_protected_is_asked_about(known_by: Target) -> None:
    """Given protected VPCs and a session of an instance nobody knows the VPC of, its cut waits for a person's yes."""
    found = incident(known_by)
    fact = of_role(of_instances=True, means=session(INSTANCE) if known_by.kind is Kind.ACCESS_KEY else None)
    (one,) = planned(found, {known_by: fact}, vpcs=frozenset({VPC})).items
    assert (one.mode, one.refused) == (APPROVE, "")
    assert "protected VPC" in one.why
    (sure,) = planned(found, {known_by: fact}).items
    assert sure.mode is CONTAIN


# --- Instances

CUT = replace(ROLE_ITEM, action="isolate_instance", target=instance(), args={})
OF_THE_CUT = replace(
    ROLE_ITEM, action="revoke_sessions", target=session(INSTANCE), args={"role": ROLE, "instance": INSTANCE}
)
IN_INSTANCES = 'its instance is in the setting "protected_instances"'
IN_VPC = f'its instance is in {VPC}, which is in the setting "protected_vpcs"'
OTHERS = frozenset({"i-0123456789abcdef1"})


def of_an_instance(wanted: Mode | None = None, **signal: Any) -> Incident:
    """Give a signal about an instance, or what a person asks for about it."""
    given: dict[str, Any] = {"source": "aws.guardduty", "type_": "Backdoor:EC2/Spambot"} | signal
    return incident(instance(), wanted=wanted, **given)


@pytest.mark.parametrize("one", [CUT, OF_THE_CUT], ids=["the instance", "its session"])
@pytest.mark.parametrize(
    ("fact", "settings", "says"),
    [
        (of_instance(), {"instances": INSTANCES}, IN_INSTANCES),
        (UNKNOWN, {"instances": INSTANCES}, IN_INSTANCES),
        (of_instance(), {"instances": OTHERS}, ""),
        (of_instance(), {"vpcs": VPCS}, IN_VPC),
        (of_instance(vpcs=("vpc-1", VPC)), {"vpcs": VPCS}, IN_VPC),
        (of_instance(vpcs=("vpc-1",)), {"vpcs": VPCS}, ""),
        (of_instance(vpcs=()), {"vpcs": VPCS}, ""),
        (of_instance(vpcs=None), {"vpcs": VPCS}, ""),
        (of_instance(), {}, ""),
    ],
)
def test_a_protected_instance_is_refused_with_its_session(
    one: PlanItem, fact: Fact, settings: dict[str, frozenset[str]], says: str
) -> None:
    """Given protected instances or VPCs, both an item on the instance and one on its session are refused."""
    assert refusal(one, instance(), fact, rails(**settings)) == says


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"protected": frozenset({ROLE_ARN})}, BY_SETTING.format("role")),
        ({"own": frozenset({f"role/pipelines/{ROLE}"})}, OWN),
    ],
)
def test_a_protected_role_protects_its_session_and_not_the_instance(
    setting: dict[str, frozenset[str]], says: str
) -> None:
    """Given an instance with a protected role, its network may be cut; what would change the role is refused."""
    assert refusal(CUT, instance(), of_instance(), rails(**setting)) == ""
    assert refusal(OF_THE_CUT, instance(), of_instance(), rails(**setting)) == says
    guarded: dict[str, Any] = dict(setting)
    plan = planned(of_an_instance(), {instance(): of_instance()}, **guarded)
    assert {one.action for one in plan.items if one.refused} == {"revoke_sessions"}
    assert "isolate_instance" in {one.action for one in plan.items if acts(one)}


@pytest.mark.parametrize("settings", [{"instances": INSTANCES}, {"vpcs": VPCS}])
def test_nothing_of_a_protected_instance_is_made_whatever_asks_for_it(settings: dict[str, frozenset[str]]) -> None:
    """Given a protected instance or VPC, when a finding or a person who insists names it, every item is refused."""
    guarded: dict[str, Any] = dict(settings)
    for found in (of_an_instance(), of_an_instance(CONTAIN, source="manual", type_="request")):
        for fact in (of_instance(group="web"), of_instance(alone=True), of_instance(profile="")):
            plan = planned(found, {instance(): fact}, **guarded)
            assert len(plan.items) > 5
            assert all("its instance is in" in one.refused for one in plan.items)
            assert not any(acts(one) or asks(one) for one in plan.items)


def test_an_instance_in_an_unknown_vpc_is_asked_about() -> None:
    """Given protected VPCs and an instance of which EC2 does not say the VPC, all of it waits for a person's yes."""
    unknown = of_instance(vpcs=None)
    for fact in (unknown, UNKNOWN):
        items = planned(of_an_instance(), {instance(): fact}, vpcs=VPCS).items
        assert items
        assert all(asks(one) and one.needs_yes and "protected VPC" in one.why for one in items)
        assert all(acts(one) for one in planned(of_an_instance(), {instance(): fact}).items), "no VPC is protected"
    known = planned(of_an_instance(), {instance(): of_instance(vpcs=("vpc-1",))}, vpcs=VPCS).items
    assert all(acts(one) for one in known)


def test_a_person_who_insists_is_not_asked_where_the_vpc_is_unknown() -> None:
    """Given protected VPCs and an unknown one, who asks for the instance and says "contain" is not asked again."""
    found = of_an_instance(CONTAIN, source="manual", type_="request")
    items = planned(found, {instance(): of_instance(vpcs=None)}, vpcs=VPCS).items
    assert all(acts(one) for one in items)


@pytest.mark.parametrize(
    ("fact", "settings", "says"),
    [
        (of_instance(vpcs=None), {"vpcs": VPCS}, "EC2 did not say whether the instance is in a protected VPC"),
        (UNKNOWN, {"vpcs": VPCS}, "EC2 did not say whether the instance is in a protected VPC"),
        (of_instance(vpcs=()), {"vpcs": VPCS}, ""),
        (of_instance(), {"vpcs": VPCS}, ""),
        (of_instance(vpcs=None), {"instances": INSTANCES}, ""),
        (of_instance(vpcs=None), {}, ""),
    ],
)
def test_only_an_unknown_vpc_is_a_doubt_about_an_instance(
    fact: Fact, settings: dict[str, frozenset[str]], says: str
) -> None:
    """Given an instance, its id is known, so the one doubt is a VPC that EC2 did not tell."""
    assert doubt(instance(), fact, rails(**settings)) == says


@pytest.mark.parametrize("one", [CUT, OF_THE_CUT], ids=["the instance", "its session"])
def test_an_item_about_an_instance_is_held_to_the_settings_of_now(one: PlanItem) -> None:
    """Given an item of an earlier plan, when the owner protects the instance before the yes, it is refused."""
    assert as_of_now(one, rails(instances=INSTANCES)).refused == IN_INSTANCES
    assert as_of_now(one, rails(instances=OTHERS)) == one
    assert as_of_now(one, rails(observe_all=True)).mode is OBSERVE
