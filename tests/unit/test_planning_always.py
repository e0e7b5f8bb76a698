"""Laws of plans, held against generated incidents, facts, playbooks and settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from lambdas import actions, handoff
from lambdas.guardrails import Guardrails, acts, asks
from lambdas.handoff import Meeting
from lambdas.model import Fact, Incident, InstanceFact, Kind, Mode, PlanItem, RoleFact, Signal, Standing, Target
from lambdas.planning import Plan, assign, outcome, plan, standing
from lambdas.playbooks import PLAYBOOKS, playbook_for
from lambdas.playbooks.shape import EXTRAS
from lambdas.signals import manual
from lambdas.targets import claim_key, instance_of, session_name
from tests.unit.cases import ACCOUNT, CASE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.playbooks.shape import Playbook

ELSEWHERE = "210987654321"
USERS = {"anna": "AIDA2TESTANNA0000001", "build": "AIDA2TESTBUILD000001", "root": "AIDA2TESTROOT0000001"}
ROLES = {"deploy": "AROA2TESTDEPLOYROLE1", "web": "AROA2TESTWEBROLE0001", "responder": "AROA2TESTRESPONDER01"}
KEYS = [f"{kind}2TESTEXPOSED000{number}" for kind in ("AKIA", "ASIA") for number in (1, 2)]
INSTANCES = ["i-0123456789abcdef0", "i-0123456789abcdef1"]
VPCS = ["vpc-0123456789abcdef0", "vpc-0123456789abcdef1"]
SESSIONS = ["", "attacker", *INSTANCES]

ACTING = [playbook for playbook in PLAYBOOKS if playbook.actions]
OTHERS = [playbook for playbook in PLAYBOOKS if not playbook.actions]

always = settings(derandomize=True, database=None, deadline=None, max_examples=200)

accounts = st.sampled_from([ACCOUNT] * 5 + ["", ELSEWHERE])
user_names, role_names = st.sampled_from(sorted(USERS)), st.sampled_from(sorted(ROLES))


def named(kind: Kind, ids: Mapping[str, str], names: st.SearchStrategy[str]) -> st.SearchStrategy[Target]:
    """Give targets of users or roles, with or without their id."""
    return st.builds(
        lambda name, known, account: Target(kind=kind, id=ids[name] if known else "", name=name, account=account),
        names,
        st.booleans(),
        accounts,
    )


users, roles = named(Kind.USER, USERS, user_names), named(Kind.ROLE, ROLES, role_names)
sessions = st.builds(
    lambda name, called, told, account: Target(
        kind=Kind.ROLE_SESSION,
        id=f"{ROLES[name]}:{called}" if called else ROLES[name],
        name=name if told else "",
        account=account,
    ),
    role_names,
    st.sampled_from(SESSIONS),
    st.booleans(),
    accounts,
)
others = st.builds(
    Target,
    kind=st.sampled_from([Kind.ROOT, Kind.OTHER, Kind.FEDERATED_USER]),
    id=st.sampled_from([ACCOUNT, f"{ACCOUNT}:visitor"]),
    name=st.sampled_from(["", "visitor"]),
    account=accounts,
)
keys = st.builds(
    Target, kind=st.just(Kind.ACCESS_KEY), id=st.sampled_from(KEYS), name=st.just("") | user_names, account=accounts
)
instances = st.builds(
    Target,
    kind=st.just(Kind.INSTANCE),
    id=st.sampled_from(INSTANCES),
    account=accounts,
    region=st.sampled_from(["", "us-east-1"]),
)
targets = st.one_of(keys, users, roles, roles, sessions, sessions, sessions, instances, instances, others)
instance_facts = st.builds(
    InstanceFact,
    region=st.just("us-east-1"),
    profile=st.sampled_from(["", f"arn:aws:iam::{ACCOUNT}:instance-profile/web"]),
    group=st.sampled_from(["", "web"]),
    alone=st.booleans(),
)

role_facts = st.builds(
    lambda name, **fields: RoleFact(
        name=name, role_id=ROLES[name], arn=f"arn:aws:iam::{ACCOUNT}:role/team/{name}", **fields
    ),
    role_names,
    unchangeable=st.sampled_from([*[""] * 6, "service-linked", "identity-center"]),
    shared=st.booleans(),
    names_chosen=st.booleans(),
    of_instances=st.booleans(),
)
key_states = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["Active", "Inactive"]), max_size=2)


@st.composite
def facts_of(draw: st.DrawFn, target: Target) -> Fact:
    """Give what AWS may say of a target: of a user, of a role, of what it turned out to mean, or nothing."""
    means = draw(st.none() | users | sessions) if target.kind in {Kind.ACCESS_KEY, Kind.FEDERATED_USER} else None
    meant = means or target
    given_: dict[str, Any] = {
        "standing": draw(st.sampled_from([Standing.HERE] * 6 + [Standing.UNKNOWN] * 2 + list(Standing))),
        "means": means,
        "quarantined": draw(st.none() | st.booleans()),
        "vpcs": draw(st.sampled_from([None, (), *((vpc,) for vpc in VPCS), tuple(VPCS)])),
    }
    if meant.kind in {Kind.ROLE, Kind.ROLE_SESSION}:
        role = draw(st.none() | role_facts)
        if role and meant.name:  # IAM was asked for this name
            arn = f"arn:aws:iam::{ACCOUNT}:role/team/{meant.name}"
            role = replace(role, name=meant.name, role_id=ROLES[meant.name], arn=arn)
        given_["role"] = role
        if meant.kind is Kind.ROLE_SESSION and session_name(meant) in INSTANCES:
            given_["instance"] = draw(st.none() | instance_facts)
    elif meant.kind is Kind.INSTANCE:
        given_ |= {"instance": draw(st.none() | instance_facts), "role": draw(st.none() | role_facts)}
    elif draw(st.booleans()):
        name = draw(user_names)
        known = {"user": name, "user_id": USERS[name], "arn": f"arn:aws:iam::{ACCOUNT}:user/team/{name}"}
        given_ |= known | {"keys": draw(key_states), "gone_key": draw(st.booleans())}
    return Fact(**given_)


signals = st.builds(
    Signal,
    source=st.sampled_from(["aws.health", "aws.guardduty", "aws.iam", manual.SOURCE]),
    type=st.sampled_from(["AWS_RISK_CREDENTIALS_EXPOSED", "UnauthorizedAccess:IAMUser/TorIPCaller", "request"]),
    id=st.just("1"),
    severity=st.floats(0, 10),
    at=st.sampled_from(["", "2026-11-20T03:09:12Z"]),
    inert=st.sampled_from([""] * 7 + ["this is a sample finding"]),
    doubt=st.sampled_from([""] * 5 + ["anybody may say so."]),
)
incidents = st.builds(
    Incident,
    signal=signals,
    targets=st.lists(targets, min_size=1, max_size=4).map(tuple),
    notes=st.sampled_from([(), ("odd",)]),
    wanted=st.none() | st.sampled_from(Mode),
)
modes = st.sampled_from(Mode).map(lambda mode: ((0.0, mode),)) | st.just(((2.0, Mode.APPROVE), (7.0, Mode.CONTAIN)))
protectable = [f"arn:aws:iam::{ACCOUNT}:user/team/{name}" for name in USERS] + [
    f"arn:aws:iam::{ACCOUNT}:role/team/{name}" for name in ROLES
]
rails = st.builds(
    Guardrails,
    account=st.just(ACCOUNT),
    observe_all=st.sampled_from([False] * 7 + [True]),
    modes=st.dictionaries(st.sampled_from([playbook.name for playbook in PLAYBOOKS]), modes, max_size=3),
    protected=st.frozensets(st.sampled_from(protectable), max_size=3),
    own=st.frozensets(st.just("role/team/responder")),
    instances=st.frozensets(st.sampled_from(INSTANCES), max_size=1),
    vpcs=st.frozensets(st.sampled_from(VPCS), max_size=1),
    extras=st.dictionaries(st.sampled_from([playbook.name for playbook in PLAYBOOKS]), st.just(EXTRAS), max_size=3),
)


@st.composite
def planning(draw: st.DrawFn) -> tuple[Incident, dict[Target, Fact], Playbook, Guardrails, Plan]:
    """Give everything that goes into a plan, and the plan."""
    found = draw(incidents)
    facts = {target: draw(facts_of(target)) for target in found.targets if draw(st.integers(0, 4))}
    playbook = draw(st.sampled_from(ACTING * 3 + OTHERS))
    if draw(st.booleans()):
        playbook = replace(playbook, wide=draw(st.sampled_from(Mode)), modes=draw(modes))
    guardrails = draw(rails)
    made = plan(found, facts, playbook, guardrails)
    event(f"items: {len(made.items)}")
    return found, facts, playbook, guardrails, made


def principal(item: PlanItem) -> tuple[str, str]:
    """Name whom an item cuts off: the kind of principal, and its name."""
    if item.target.kind is Kind.INSTANCE:
        return "instance", item.target.id
    return ("user", item.args["user"]) if "user" in item.args else ("role", item.args["role"])


def meant_of(found: Incident, facts: Mapping[Target, Fact]) -> list[tuple[Target, Fact]]:
    """Give each target as what it turned out to be, and what is known of it."""
    unknown = Fact(standing=Standing.UNKNOWN)
    return [(facts.get(target, unknown).means or target, facts.get(target, unknown)) for target in found.targets]


@given(planning())
@always
def test_nothing_is_done_about_a_protected_principal(case: Any) -> None:  # noqa: ANN401 - what the strategy gives
    """Given any plan, an item on a principal, role, instance or VPC that is protected is refused, whoever asks."""
    found, facts, _, guardrails, made = case
    own = {one.rpartition("/")[2] for one in guardrails.own}
    for item in made.items:
        kind, name = principal(item)
        if f"arn:aws:iam::{ACCOUNT}:{kind}/team/{name}" in guardrails.protected:
            assert item.refused
        if kind == "role" and name in own:
            assert item.refused
        if session_name(item.target) in guardrails.instances and item.args.get("of_instances"):
            assert item.refused
        if instance_of(item) in guardrails.instances:
            assert item.refused
        assert not (item.refused and (acts(item) or asks(item)))
    for meant, fact in meant_of(found, facts):
        if fact.role and fact.role.of_instances and guardrails.vpcs & set(fact.vpcs or ()):
            assert all(item.refused for item in made.items if item.target == meant)
        if meant.kind is Kind.INSTANCE and guardrails.vpcs & set(fact.vpcs or ()) and len(found.targets) == 1:
            assert all(item.refused for item in made.items)


@given(planning())
@always
def test_nothing_is_made_or_asked_where_only_observing_is_allowed(case: Any) -> None:  # noqa: ANN401 - as above
    """Given a signal that is inert, or the setting that only observes, no item acts, whatever a person wants."""
    found, _, _, guardrails, made = case
    if found.signal.inert or guardrails.observe_all:
        assert made.mode is Mode.OBSERVE
        assert all(item.mode is Mode.OBSERVE for item in made.items)


@given(planning())
@always
def test_nothing_is_done_about_another_accounts_target(case: Any) -> None:  # noqa: ANN401 - as above
    """Given any plan, no item is about a target of another account, and each such target is told."""
    found, facts, _, _, made = case
    assert {item.target.account for item in made.items} <= {ACCOUNT, ""}
    for meant, _ in meant_of(found, facts):
        if meant.account == ELSEWHERE:
            assert any(ELSEWHERE in note for note in made.not_done)


@given(planning())
@always
def test_a_plan_does_only_what_its_playbook_does_and_goes_no_further_than_its_mode(case: Any) -> None:  # noqa: ANN401 - as above
    """Given any plan, each item's action is one of the playbook's, and its mode not wider than the plan's."""
    _, _, playbook, guardrails, made = case
    order = list(Mode)
    assert order == [Mode.OBSERVE, Mode.APPROVE, Mode.CONTAIN]
    for item in made.items:
        assert item.action in {*playbook.actions, *guardrails.extras.get(playbook.name, ())}
        assert item.action in actions.names()
        assert order.index(item.mode) <= order.index(made.mode)
        assert item.why


@given(planning())
@always
def test_the_same_always_gives_the_same_plan(case: Any) -> None:  # noqa: ANN401 - as above
    """Given any plan, made again of the same in another order of the facts, it is equal."""
    found, facts, playbook, guardrails, made = case
    assert plan(found, dict(reversed(facts.items())), playbook, guardrails) == made


@given(planning())
@always
def test_every_target_is_claimed_and_answered(case: Any) -> None:  # noqa: ANN401 - as above
    """Given any plan, each target has a claim, as it is named or as what is done about it; so has every item."""
    found, _, _, _, made = case
    assert made.claims
    assert len(set(made.claims)) == len(made.claims)
    kinds = {claim.partition("#")[0] for claim in made.claims}
    for target in found.targets:
        assert claim_key(target) in made.claims or target.kind in kinds
    for item in made.items:
        assert claim_key(item.target) in made.claims
    if found.targets and not made.items and playbook_acts(case):
        assert made.not_done


def playbook_acts(case: Any) -> bool:  # noqa: ANN401 - as above
    """Tell whether the playbook could do everything that is ever wanted."""
    return {*case[2].actions, *EXTRAS} == set(actions.names())


@given(planning())
@always
def test_a_role_that_others_use_is_not_cut_off_without_a_person(case: Any) -> None:  # noqa: ANN401 - as above
    """Given a role that is shared, or not known not to be, it is denied or revoked whole only if somebody said so.

    That is a person who named the role, a person's yes, or the playbook's ``wide``.
    """
    found, facts, playbook, _, made = case
    alone = {fact.role.name for _, fact in meant_of(found, facts) if fact.role and not fact.role.shared}
    alone |= {
        fact.role.name
        for _, fact in meant_of(found, facts)
        if fact.role and fact.role.of_instances and fact.instance and fact.instance.alone
    }
    person = found.signal.source == manual.SOURCE
    named_by_person = {target.name for target in found.targets if target.kind is Kind.ROLE} if person else set()
    for item in made.items:
        if item.target.kind is Kind.ROLE and item.target.name not in alone | named_by_person:
            assert item.action == "revoke_sessions"
            assert not acts(item) or playbook.wide is Mode.CONTAIN


@given(planning())
@always
def test_what_a_doubted_signal_names_is_left_alone_unless_it_is_proved(case: Any) -> None:  # noqa: ANN401 - as above
    """Given a signal that may be forged, nothing is planned for a user whom AWS has not quarantined."""
    found, facts, _, _, made = case
    if found.signal.doubt and not any(fact.quarantined for fact in facts.values()):
        assert made.items == ()


@given(planning())
@always
def test_a_change_is_planned_once(case: Any) -> None:  # noqa: ANN401 - as above
    """Given any plan, no change is there twice, and none is there with two ids."""
    items = assign(case[4].items, {}, CASE)
    assert len({(item.action, item.target) for item in items}) == len(items)


@given(planning())
@always
def test_a_plan_survives_the_way_through_the_workflow(case: Any) -> None:  # noqa: ANN401 - as above
    """Given any plan, what is handed on runs exactly the items that act, and every item has a standing."""
    found, _, _, _, made = case
    items = assign(made.items, {}, CASE)
    met = Meeting(incident_id=CASE, opened=True, items=items)
    handed = handoff.triaged(found, "x", made, [met], actions=actions.names(), observe_all=False)
    run = [PlanItem.from_json(item) for listed in handed["run"].values() for item in listed]
    assert sorted(run, key=repr) == sorted((item for item in items if acts(item)), key=repr)
    ended = standing(items, {}, waiting=[item.id for item in items])
    assert set(ended) == {item.id for item in items}
    assert outcome(result for result, _ in ended.values())


@given(st.builds(Signal, source=st.text(), type=st.text(), id=st.text(), severity=st.floats(0, 10)))
@always
def test_every_signal_has_a_playbook(signal: Signal) -> None:
    """Given any signal, exactly one playbook answers it, and the same one each time."""
    assert playbook_for(signal) is playbook_for(signal)
