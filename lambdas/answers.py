"""Which changes answer a target, by what is known of it, and what is left to a person.

A change that may hit others than the attacker carries a caution: a user whose leaked key is gone (it may have been
rotated), the issuer of a federated session, a role that others may use too.

May touch: nothing.
Never: talks to AWS, reads the clock or the environment; decides how far to go (``guardrails`` does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.model import Kind, Mode, PlanItem, Standing, Target
from lambdas.playbooks.shape import EXTRAS, ISOLATE
from lambdas.signals.reading import is_session_key
from lambdas.targets import describe, session_name
from lambdas.text import line

if TYPE_CHECKING:
    from lambdas.model import Fact, Json, RoleFact

_KEY_MAY_BE_ROTATED = "its leaked key does not exist any more: if it was rotated, the user is not the attacker's"
_ISSUES_FOR_OTHERS = "the user issued the federated session, and may issue sessions for others too"
_WAS_THERE = "the user was there before the attacker gave it a key, and others may use it"
_MAY_BE_SHARED = "others may use the role too, and their sessions end with this one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A change that answers a target; ``caution`` is empty, or says whom else it may hit.

    ``beyond`` says that it goes beyond the principal that the signal names: who insists on that one did not ask for it.
    """

    item: PlanItem
    caution: str = ""
    beyond: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What answers one target: the changes, and sentences for what they do not cover."""

    wanted: tuple[Wanted, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One target and what is known of it.

    ``by_person`` says that a person named it, ``until`` is the latest activity that the signal tells of (ISO 8601),
    ``federated`` says that the target only serves to find the issuer of a federated user's session, ``found`` that an
    investigation found it, by a record that ties it to the credentials of the case.
    """

    target: Target
    fact: Fact
    by_person: bool = False
    until: str = ""
    federated: bool = False
    found: bool = False


def answer(question: Question) -> Answer:  # noqa: PLR0911  (one answer a kind)
    """Give what answers one target of this account."""
    fact = question.fact
    target = fact.means or question.target
    if target.kind is Kind.ROOT or fact.standing is Standing.ROOT:
        return Answer(notes=(_ROOT,))
    if fact.standing is Standing.GONE:
        return Answer(notes=(_gone(target),))
    match target.kind:
        case Kind.ACCESS_KEY:
            return _answer_key(question, target)
        case Kind.USER:
            return _answer_user(question, target)
        case Kind.ROLE | Kind.ROLE_SESSION:
            return _answer_role(question, target)
        case Kind.FEDERATED_USER:
            return Answer(notes=(f"{describe(target)}: {_FEDERATED}",))
        case Kind.INSTANCE:
            return _answer_instance(question, target)
    return Answer(notes=(f"{describe(target)} {_OTHER}",))


def elsewhere(target: Target) -> str:
    """Say what to do about a target of another account."""
    return (
        f"{describe(target)} belongs to account {line(target.account, 20)}, which is not this one: nothing was changed "
        "here. Respond in that account; if it is not yours, find the policies of this account that let it in (trust "
        "policies of roles, policies of buckets, keys and queues) and take it out of them."
    )


def _answer_key(question: Question, target: Target) -> Answer:
    fact = question.fact
    if is_session_key(target.id):
        if not (fact.user or target.name):
            return Answer(notes=() if question.federated else (f"{describe(target)}: {_SESSION_KEY}",))
        return Answer(wanted=(_deny_user(question, target),))
    if fact.gone_key:
        return Answer(wanted=(_deny_user(question, target),), notes=(f"{describe(target)} {_KEY_GONE}",))
    notes: tuple[str, ...] = ()
    if fact.user and target.name and fact.user != target.name:
        said, found = line(target.name, 64), line(fact.user, 64)
        notes = (f"The event says that the key is of {said}; it is of {found}, and that user was answered for.",)
    disable = _disable(target.id, fact.user or target.name, target)
    return Answer(wanted=(Wanted(item=disable), _deny_user(question, target)), notes=notes)


def _answer_user(question: Question, target: Target) -> Answer:
    fact, named = question.fact, question.target
    if not (fact.user or target.name):
        return Answer(notes=(f"{describe(target)}: {_USER_UNKNOWN}",))
    deny = _deny_user(question, target)
    if named.kind is not Kind.USER:  # a session of the user's: its keys may be in good hands
        return Answer(wanted=(deny,))
    if fact.standing is Standing.UNKNOWN:
        return Answer(wanted=(deny,), notes=(f"{describe(target)}: {_KEYS_UNKNOWN}",))
    return Answer(wanted=(*(Wanted(item=_disable(key, fact.user, target)) for key in fact.keys), deny))


def _answer_role(question: Question, target: Target) -> Answer:
    """Deny the one session; more only where nobody else uses the role, or somebody says so."""
    fact, role = question.fact, question.fact.role
    if role is not None and role.unchangeable:
        return Answer(notes=(f"{describe(target)}: {_UNCHANGEABLE[role.unchangeable]}",))
    name = role.name if role else target.name
    if not name:
        return Answer(notes=(f"{describe(target)}: {_ROLE_UNKNOWN}",))
    whole = Target(kind=Kind.ROLE, id=role.role_id if role else "", name=name, account=target.account)
    args: Json = {"role": name, "role_id": whole.id} if whole.id else {"role": name}
    if role is not None and role.of_instances:
        args["of_instances"] = True
    if (question.by_person or question.found) and question.target.kind is Kind.ROLE:
        return Answer(wanted=(Wanted(item=_item("deny_principal", whole, args)),))
    session = session_name(target)
    notes = _about_role(target, role, session)
    if role is not None and role.of_instances and fact.instance and not question.by_person:
        of = Target(kind=Kind.INSTANCE, id=session, account=target.account)
        instance = _answer_instance(question, of)
        return Answer(wanted=instance.wanted, notes=(*notes, *instance.notes))
    wanted: list[Wanted] = []
    if session:
        wanted.append(Wanted(item=_item("revoke_sessions", target, args)))
    if role is not None and not role.shared:
        wanted.append(Wanted(item=_item("deny_principal", whole, args)))
    elif not (session and (question.found or (role is not None and not role.names_chosen))):
        until: Json = {"issued_until": question.until} if question.until else {}
        older = _item("revoke_sessions", whole, {**args, **until})
        wanted.append(Wanted(item=older, caution=_MAY_BE_SHARED, beyond=True))
    return Answer(wanted=tuple(wanted), notes=notes)


def _answer_instance(question: Question, target: Target) -> Answer:
    """Cut the instance off, keep it and its evidence, and deny the credentials that it was given."""
    fact, role = question.fact, question.fact.role
    found = fact.instance
    here = Target(
        kind=Kind.INSTANCE, id=target.id, account=target.account, region=found.region if found else target.region
    )
    needless = {"leave_groups"} if found and not found.group else set()
    needless |= {"take_profile"} if found and not found.profile else set()
    names = [name for name in (*ISOLATE[:1], *EXTRAS, *ISOLATE[1:]) if name not in {*needless, "revoke_sessions"}]
    cuts = tuple(Wanted(item=_item(name, here, {})) for name in names)
    if found and not found.profile:
        return Answer(wanted=cuts)
    if role is None:
        return Answer(wanted=cuts, notes=(f"{describe(target)}: {_ROLE_OF_INSTANCE_UNKNOWN}",))
    if role.unchangeable:
        return Answer(wanted=cuts, notes=(f"role {line(role.name, 64)}: {_UNCHANGEABLE[role.unchangeable]}",))
    args: Json = {"role": role.name, "role_id": role.role_id, "instance": target.id}
    if role.of_instances:
        args["of_instances"] = True
    session = Target(kind=Kind.ROLE_SESSION, id=f"{role.role_id}:{target.id}", name=role.name, account=target.account)
    denied = [Wanted(item=_item("revoke_sessions", session, args))]
    if role.of_instances and found and found.alone:
        whole = Target(kind=Kind.ROLE, id=role.role_id, name=role.name, account=target.account)
        denied.append(Wanted(item=_item("revoke_sessions", whole, args)))
    first, *rest = cuts
    return Answer(wanted=(first, *denied, *rest), notes=_about_role(session, role, ""))


def _about_role(target: Target, role: RoleFact | None, session: str) -> tuple[str, ...]:
    """Say what the cut of a role's session leaves open, and what it takes away."""
    name = line(role.name if role else target.name, 64)
    if role is not None and role.of_instances and session:
        return (f"Hit as well: {line(session, 64)} itself can do nothing as role {name} while the policy is there.",)
    if role is not None and not role.shared:
        return ()
    if role is None or role.names_chosen:
        return (f"Whoever may assume role {name} {_OTHER_NAME}",)
    return ()


def _item(action: str, target: Target, args: Json) -> PlanItem:
    return PlanItem(incident_id="", action=action, target=target, args=args, mode=Mode.OBSERVE)


def _disable(key_id: str, name: str, named: Target) -> PlanItem:
    target = Target(kind=Kind.ACCESS_KEY, id=key_id, name=name, account=named.account)
    return _item("disable_key", target, {"user": name})


def _deny_user(question: Question, target: Target) -> Wanted:
    """Deny the user; where not even its name is known, the item names the key and the action finds the user."""
    fact = question.fact
    name = fact.user or target.name
    of_user = target.kind is Kind.ACCESS_KEY and not is_session_key(target.id)
    key = target.id if of_user and not fact.gone_key else ""
    user_id = fact.user_id or (target.id if target.kind is Kind.USER else "")
    user = Target(kind=Kind.USER, id=user_id, name=name, account=target.account) if name else target
    args: Json = {"user": name, "via_key": key} if key else {"user": name}
    if question.until and not (key or user_id):
        args["not_after"] = question.until
    rotated = fact.gone_key and not is_session_key(target.id) and not question.by_person
    issuer = question.target.kind is Kind.FEDERATED_USER or question.federated
    given = question.found and question.target.kind is Kind.ACCESS_KEY and not is_session_key(question.target.id)
    caution = _KEY_MAY_BE_ROTATED if rotated else _ISSUES_FOR_OTHERS if issuer else _WAS_THERE if given else ""
    return Wanted(item=_item("deny_principal", user, args), caution=caution)


_OTHER_NAME = (
    "can begin a session under another name: find out in CloudTrail who made the AssumeRole call, and contain that "
    "user or role too."
)
_FEDERATED = (
    "the session was made with GetFederationToken by an IAM user whom neither the event nor CloudTrail names (yet; "
    "CloudTrail is some minutes late). Only denying that user ends it. Look up the temporary key in CloudTrail's event "
    "history: userIdentity.sessionContext.sessionIssuer is the user; then start the respond workflow with "
    '{"user_name": "…"}.'
)
_ROLE_OF_INSTANCE_UNKNOWN = (
    "it was not known in time which role it has, if any, so its credentials were not denied. Look at its instance "
    "profile, and deny the session by an inline policy on the role with the condition aws:userid = the role's unique "
    "id, a colon, the instance's id."
)
_OTHER = (
    "is not a user of this account: nothing can be done about it here. Look for the policy that lets it in, and for "
    "what it did, in CloudTrail."
)
_SESSION_KEY = (
    "these are temporary credentials, which cannot be disabled, and neither the event nor CloudTrail names their "
    "principal (yet; CloudTrail is some minutes late). Look the key up in CloudTrail's event history, then start the "
    'respond workflow with {"user_name": "…"} or {"role_name": "…"}.'
)
_KEY_GONE = (
    "does not exist (any more), so there was nothing to disable. Sessions made from it may live for up to 36 hours."
)
_KEYS_UNKNOWN = "IAM did not list its keys in time, so they are denied with the user but stay active."
_USER_UNKNOWN = (
    "the event gives only the user's unique id, and IAM finds nobody by that. Look it up in CloudTrail or in the list "
    'of users (aws iam list-users), then start the respond workflow with {"user_name": "…"}.'
)
_ROLE_UNKNOWN = (
    "the event does not name the role. Find the session in CloudTrail, then start the respond workflow with "
    '{"role_name": "…"}.'
)
_ROOT = (
    "The root user: no policy can stop it, so nothing was changed. Sign in as root now: delete its access keys "
    "(Security credentials), change its password, check its MFA device and the account's e-mail address. If "
    "you cannot sign in, contact AWS Support."
)
_UNCHANGEABLE = {
    "service-linked": (
        "a service-linked role belongs to the AWS service that it is for, and nobody in this account can change its "
        "permissions. Find out in CloudTrail which service used it and for whom; take away what drives that service "
        "(its resource, or whoever configured it), and contact AWS Support if the service itself seems to be misused."
    ),
    "identity-center": (
        "its role belongs to IAM Identity Center, and nobody in this account can change it. In the account that "
        "manages Identity Center: (1) disable the user (IAM Identity Center, Users, the user, Disable access); (2) end "
        "its active sessions there (Active sessions, Delete); (3) take away its assignment to this account. "
        "Sessions of the role that exist already stay valid until they end, up to 12 hours: until then only a service "
        "control policy of the organisation on this account that denies this session's aws:userid stops them."
    ),
}


def _gone(target: Target) -> str:
    who = describe(target)
    if target.kind is Kind.ACCESS_KEY:
        return (
            f"{who}: IAM shows no such key or user in this account (any more), so there was nothing to disable; it "
            "answers the same where the responder's role is itself denied the question. Sessions made from the key "
            "may live for up to 36 hours: if you know the user, start the respond workflow with "
            '{"user_name": "…"}.'
        )
    if target.kind is Kind.INSTANCE:
        return f"{who} does not exist (any more) in its region, or is terminated: nothing was changed."
    return f"{who} does not exist in this account (any more), or was made after the event: nothing was changed."
