"""Where LocalEmu's IAM enforcement differs from AWS, and least-privilege roles would notice.

Every call is judged by the policies of whoever makes it. What this corrects:

- calls that a service makes with a role (state machine tasks, rule targets, log delivery) are judged too;
- the names of actions and of resources are those of the Service Authorization Reference, one call may
  need several, and a resource that has a path keeps it;
- a negated condition operator means "none of these", an absent key satisfies it, keys ignore case, and a
  date may have fractions of a second;
- the tags and the VPC of each EC2 resource, the tags it is to be created with, the attribute that is changed, the
  service a role is passed to and the prefix that is listed can be named in a condition, of each resource by itself;
- the policy that an IAM call attaches, and the boundary that it sets, can be named in a condition;
- a session has the ARN of its role in aws:PrincipalArn, and a resource policy may name that role;
- a refusal has the error code the service has on AWS, also for a key that is inactive, deleted or unknown;
- an account's root in a resource policy hands the decision to the identity's own policies and grants nothing.

May touch: LocalEmu's enforcement in this process.
Never does: allow a call because it cannot tell what the call needs.
"""

from __future__ import annotations

import contextlib
import fnmatch
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localemu.aws.api import CommonServiceException
from localemu.services.iam_enforcement import (
    condition_evaluator,
    enforcer,
    evaluator,
    resource_matcher,
    service_action_map,
)
from moto.iam.models import iam_backends

from demo.emulator import iam_demands

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from demo.emulator.iam_demands import Demand

_SESSION_KEYS = ("LSIA", "ASIA")
_INVALID_TOKEN = "The security token included in the request is invalid."
_JSON = ("json", "rest-json")
_IAM_KEYS = {"PolicyArn": "iam:PolicyARN", "PermissionsBoundary": "iam:PermissionsBoundary"}
_demands: ContextVar[list[Demand]] = ContextVar("_demands")


def install() -> None:
    """Correct LocalEmu's IAM in this process. To be called once."""
    enforcer.IAMEnforcementHandler._is_internal_call = staticmethod(_judge_roles_of_services())  # noqa: SLF001 - LocalEmu offers no setting for it
    enforcer._build_conditions = _conditions_as_on_aws()  # noqa: SLF001 - the same
    enforcer.IAMEnforcementHandler.__call__ = _refusals_as_on_aws()
    service_action_map.map_action = _actions_as_on_aws()
    enforcer.build_resource_arn = _resource_as_on_aws()
    evaluator.PolicyEvaluator.evaluate = _every_demand()
    evaluator._matches_principal = _principal_as_on_aws()  # noqa: SLF001 - the same
    evaluator.matches_conditions = condition_evaluator.matches_conditions = matches_conditions


def _judge_roles_of_services() -> Callable[[Any, str | None], bool]:
    original: Callable[[Any, str | None], bool] = enforcer.IAMEnforcementHandler._is_internal_call  # noqa: SLF001 - replaced above

    def is_internal(context: Any, access_key: str | None) -> bool:  # noqa: ANN401 - LocalEmu is untyped
        if access_key and access_key.startswith(_SESSION_KEYS):
            return False
        return original(context, access_key)

    return is_internal


def _refusals_as_on_aws() -> Callable[..., None]:
    judge: Callable[..., None] = enforcer.IAMEnforcementHandler.__call__

    def refuse(self: Any, chain: object, context: Any, response: object) -> None:  # noqa: ANN401 - LocalEmu is untyped
        if context.service and context.operation and not _is_known(context):
            code = _refusal_code(
                context, s3="InvalidAccessKeyId", ec2="AuthFailure", json="UnrecognizedClientException"
            )
            raise CommonServiceException(code or "InvalidClientTokenId", _INVALID_TOKEN, status_code=403)
        try:
            judge(self, chain, context, response)
        except CommonServiceException as error:
            if error.code == "AccessDenied":
                code = _refusal_code(
                    context,
                    ec2="UnauthorizedOperation",
                    sns="AuthorizationError",
                    json="AccessDeniedException",
                )
                error.code = code or error.code
            raise

    return refuse


def _refusal_code(context: Any, **codes: str) -> str | None:  # noqa: ANN401 - LocalEmu is untyped
    service = context.service.service_name
    return codes.get(service) or (codes.get("json") if context.service.protocol in _JSON else None)


def _is_known(context: Any) -> bool:  # noqa: ANN401 - LocalEmu is untyped
    key = enforcer._extract_access_key(context)  # noqa: SLF001 - as LocalEmu does
    if not key or enforcer.IAMEnforcementHandler._is_internal_call(context, key):  # noqa: SLF001 - the same
        return True
    return bool(enforcer.resolve_caller(key, context.account_id, context.region))


def _actions_as_on_aws() -> Callable[[str, str], list[str]]:
    original: Callable[[str, str], list[str]] = service_action_map.map_action

    def actions(service: str, operation: str) -> list[str]:
        if (service, operation) in iam_demands.JUDGED_BY_CONTENT:
            return [f"{service}:{operation}"]  # named in messages; what is judged are the call's demands
        prefix = iam_demands.prefix(service)
        return [
            f"{prefix}:{action.partition(':')[2]}" if prefix != service else action
            for action in original(service, operation)
        ]

    return actions


def _resource_as_on_aws() -> Callable[..., str]:
    original: Callable[..., str] = enforcer.build_resource_arn

    def resource(
        *,
        service: str,
        operation: str,
        request_params: Mapping[str, Any] | None,
        region: str,
        account_id: str,
    ) -> str:
        call = iam_demands.Call(
            service=service,
            operation=operation,
            parameters=request_params or {},
            region=region,
            account=account_id,
        )
        demands = iam_demands.demands(call)
        _demands.set(demands)
        if demands:
            return demands[0].resource
        prefix = iam_demands.prefix(service)
        return original(
            service=prefix,
            operation=operation,
            request_params=request_params,
            region=region,
            account_id=account_id,
        )

    return resource


def _every_demand() -> Callable[..., Any]:
    original: Callable[..., Any] = evaluator.PolicyEvaluator.evaluate

    def evaluate(self: object, *, action: str, resource: str, conditions: dict[str, Any], **rest: Any) -> Any:  # noqa: ANN401 - LocalEmu is untyped
        decision = evaluator.Decision.ALLOW
        for demand in _demands.get([]) or [iam_demands.Demand(action=action, resource=resource)]:
            keys = {**conditions, **demand.keys}
            decision = original(self, action=demand.action or action, resource=demand.resource, conditions=keys, **rest)
            if decision != evaluator.Decision.ALLOW:
                break
        return decision

    return evaluate


def _conditions_as_on_aws() -> Callable[[Any, Any], dict[str, Any]]:
    original: Callable[[Any, Any], dict[str, Any]] = enforcer._build_conditions  # noqa: SLF001 - replaced above

    def conditions(context: Any, caller: Any) -> dict[str, Any]:  # noqa: ANN401 - LocalEmu is untyped
        keys = original(context, caller)
        keys["aws:SecureTransport"] = "true"  # loopback stands in for TLS: CDK's buckets refuse plain HTTP
        keys.setdefault("aws:ResourceAccount", context.account_id)
        keys["aws:PrincipalArn"] = _role_arn(caller) or caller.arn
        if context.service.service_name == "iam":
            asked = context.service_request or {}
            keys |= {key: asked[name] for name, key in _IAM_KEYS.items() if asked.get(name)}
        if caller.principal_type == "FederatedUser":
            keys.pop("aws:username", None)
            keys["aws:userid"] = f"{caller.account_id}:{caller.arn.rpartition('/')[2]}"
        return keys

    return conditions


def _role_arn(caller: Any) -> str | None:  # noqa: ANN401 - LocalEmu is untyped
    if caller.principal_type != "AssumedRole":
        return None
    roles = iam_backends[caller.account_id]["global"].roles.values()
    return next((str(role.arn) for role in roles if role.name == caller.role_name), None)


def _principal_as_on_aws() -> Callable[[dict[str, Any], Any], bool]:
    original: Callable[[dict[str, Any], Any], bool] = evaluator._matches_principal  # noqa: SLF001 - replaced above

    def matches(statement: dict[str, Any], caller: Any) -> bool:  # noqa: ANN401 - LocalEmu is untyped
        principal = statement.get("Principal")
        if not isinstance(principal, dict) or "AWS" not in principal:
            return original(statement, caller)
        named = principal["AWS"] if isinstance(principal["AWS"], list) else [principal["AWS"]]
        if _role_arn(caller) in named:
            return True
        if statement.get("Effect") == "Allow":
            delegated = (caller.account_id, f"arn:aws:iam::{caller.account_id}:root")
            named = [name for name in named if name not in delegated]
        return original({**statement, "Principal": {**principal, "AWS": named}}, caller)

    return matches


def matches_conditions(statement: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
    """Tell whether every condition of a policy statement holds for the keys of a call.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    keys = {name.lower(): value for name, value in context.items()}
    return all(
        _holds(operator, keys.get(name.lower()), [_substitute(value, context) for value in _several(wanted)])
        for operator, block in (statement.get("Condition") or {}).items()
        for name, wanted in block.items()
    )


def _holds(operator: str, actual: object, wanted: list[str]) -> bool:
    quantifier, _, name = operator.rpartition(":")
    name, optional = name.removesuffix("IfExists"), name.endswith("IfExists")
    present = [] if actual is None else _several(actual)
    if name == "Null":
        return (not present) == (wanted[0].lower() == "true")
    negated = "Not" in name
    if not present:
        return optional or quantifier == "ForAllValues" or (negated and not quantifier)
    compare = _COMPARISONS.get(name.replace("Not", "", 1))
    if compare is None:
        return False
    verdicts = [any(_agree(compare, value, one) for one in wanted) is not negated for value in present]
    return all(verdicts) if quantifier == "ForAllValues" else any(verdicts)


def _several(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def _substitute(value: object, context: Mapping[str, Any]) -> str:
    return str(resource_matcher._substitute_policy_variables(str(value), context))  # noqa: SLF001 - as LocalEmu does


def _agree(compare: Callable[[str, str], bool], actual: object, wanted: str) -> bool:
    with contextlib.suppress(ValueError):
        return compare(str(actual), wanted)
    return False


def _like(actual: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(actual, pattern.replace("[", "[[]"))


def _moment(text: str) -> datetime:
    moment = datetime.fromtimestamp(int(text), UTC) if text.isdigit() else datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _arn_like(actual: str, pattern: str) -> bool:
    return bool(resource_matcher.arn_matches(pattern, actual))


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, wanted: actual == wanted,
    "StringEqualsIgnoreCase": lambda actual, wanted: actual.lower() == wanted.lower(),
    "StringLike": _like,
    "NumericEquals": lambda actual, wanted: float(actual) == float(wanted),
    "NumericLessThan": lambda actual, wanted: float(actual) < float(wanted),
    "NumericLessThanEquals": lambda actual, wanted: float(actual) <= float(wanted),
    "NumericGreaterThan": lambda actual, wanted: float(actual) > float(wanted),
    "NumericGreaterThanEquals": lambda actual, wanted: float(actual) >= float(wanted),
    "DateEquals": lambda actual, wanted: _moment(actual) == _moment(wanted),
    "DateLessThan": lambda actual, wanted: _moment(actual) < _moment(wanted),
    "DateLessThanEquals": lambda actual, wanted: _moment(actual) <= _moment(wanted),
    "DateGreaterThan": lambda actual, wanted: _moment(actual) > _moment(wanted),
    "DateGreaterThanEquals": lambda actual, wanted: _moment(actual) >= _moment(wanted),
    "Bool": lambda actual, wanted: actual.lower() == wanted.lower(),
    "IpAddress": condition_evaluator._ip_in_cidr,  # noqa: SLF001 - LocalEmu's own is right
    "ArnEquals": _arn_like,  # AWS: "The ArnEquals and ArnLike condition operators behave identically."
    "ArnLike": _arn_like,
}
