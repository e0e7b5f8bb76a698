"""Where moto differs from AWS in a way that containment would notice.

The security groups of an instance and of its first network interface are one list on AWS and two on moto.
Moto lets any number of managed policies be attached, where AWS stops at ten: a user whom somebody has given
ten policies cannot be given an eleventh, not even one that denies. The same is so of a role's inline policies,
which may have 10,240 characters together. Moto lets anybody change the roles that belong to a service or to
Identity Center, which only AWS can. The keys of a renamed user keep the old name on moto. A DynamoDB transaction
that fails puts the whole table back as it was when it began, and with it loses what others wrote meanwhile. And
plain moto, unlike LocalEmu, knows no permissions boundary of a user.

May touch: the classes of moto in this process. Works with plain moto and with the copy LocalEmu brings.
Never does: keep state of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from typing import TYPE_CHECKING, Any

from moto.core.responses import EmptyResult
from moto.dynamodb.models import DynamoDBBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.instances import InstanceBackend
from moto.iam.exceptions import IAMException, LimitExceededException
from moto.iam.models import IAMBackend, User
from moto.iam.responses import IamResponse

from demo.emulator import moto_balancers, moto_instances

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

POLICIES_PER_IDENTITY = 10
"""How many managed policies AWS lets one user, role or group have, before a raise of the quota.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

CHARACTERS_OF_ROLE_POLICIES = 10_240
"""How long the inline policies of a role may be together, white space not counted. The same page."""

_ROLES_OF_AWS = ("/aws-service-role/", "/aws-reserved/sso.amazonaws.com/")
_CHANGES_OF_A_ROLE = (
    "attach_role_policy",
    "delete_role_permissions_boundary",
    "delete_role_policy",
    "detach_role_policy",
    "put_role_permissions_boundary",
    "put_role_policy",
    "update_assume_role_policy",
)

_SERVICES = "moto.stepfunctions.parser.asl.component.state.exec.state_task.service"
_installed = False


def install() -> None:
    """Correct moto in this process. Installing twice is the same as installing once."""
    global _installed  # noqa: PLW0603 - the classes of moto are global too; wrapping them twice would nest
    if _installed:
        return
    _installed = True
    _share_security_groups()
    for kind in ("User", "Role", "Group"):
        _limit_attachments(kind)
    _limit_inline_policies()
    for change in _CHANGES_OF_A_ROLE:
        _keep_roles_of_aws(change)
    _rename_keys_with_their_user()
    _one_at_a_time()
    moto_balancers.install()
    moto_instances.install()
    if importlib.util.find_spec("localemu") is None:
        _bound_users()
        _start_executions()
        _parse_definitions_once()


def _start_executions() -> None:
    """Let plain moto's state machines start others: a task says ``StateMachineArn``, boto3 not."""
    service = importlib.import_module(f"{_SERVICES}.state_task_service_sfn").StateTaskServiceSfn
    normalise = service._normalise_parameters  # noqa: SLF001 - where LocalEmu does it too

    def normalise_parameters(self: Any, parameters: dict[str, Any], *args: Any, **named: Any) -> None:  # noqa: ANN401 - moto is untyped
        normalise(self, parameters, *args, **named)
        for name in list(parameters):
            parameters[name[0].lower() + name[1:]] = parameters.pop(name)

    service._normalise_parameters = normalise_parameters  # noqa: SLF001 - as above


def _parse_definitions_once() -> None:
    """Keep what a definition was parsed to: plain moto parses it anew, for a second or so, for each execution."""
    language = importlib.import_module("moto.stepfunctions.parser.asl.parse.asl_parser").AmazonStateLanguageParser
    preprocessor = importlib.import_module("moto.stepfunctions.parser.asl.parse.preprocessor").Preprocessor
    parse, trees = language.parse, dict[str, Any]()

    def parse_once(definition: str) -> tuple[Any, Any]:
        if definition not in trees:
            program, trees[definition] = parse(definition)
            return program, trees[definition]
        return preprocessor().visit(trees[definition]), trees[definition]  # each execution has a program of its own

    language.parse = staticmethod(parse_once)


def _rename_keys_with_their_user() -> None:
    update = IAMBackend.update_user

    def update_user(self: Any, user_name: str, new_path: str | None = None, new_user_name: str | None = None) -> None:  # noqa: ANN401 - moto is untyped
        update(self, user_name, new_path, new_user_name)
        for key in self.users[new_user_name or user_name].access_keys:
            key.user_name = new_user_name or user_name

    IAMBackend.update_user = update_user


def _one_at_a_time() -> None:
    """Let one call at a time into DynamoDB, so that a transaction is alone with its copy of the table."""
    alone = threading.RLock()
    for name in ("put_item", "get_item", "update_item", "delete_item", "query", "scan", "transact_write_items"):
        setattr(DynamoDBBackend, name, _holding(alone, getattr(DynamoDBBackend, name)))


def _holding(lock: AbstractContextManager[object], call: Callable[..., Any]) -> Callable[..., Any]:
    def held(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - moto is untyped
        with lock:
            return call(*args, **named)

    return held


def _bound_users() -> None:
    """Give plain moto the two calls on a user's permissions boundary, and GetUser the answer."""

    def boundary(self: Any) -> dict[str, str] | None:  # noqa: ANN401 - moto is untyped
        arn = getattr(self, "permissions_boundary_arn", None)
        return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn else None

    def put(self: Any) -> Any:  # noqa: ANN401 - moto is untyped
        user = self.backend.get_user(self._get_param("UserName"))
        user.permissions_boundary_arn = self._get_param("PermissionsBoundary")
        return EmptyResult()

    def delete(self: Any) -> Any:  # noqa: ANN401 - moto is untyped
        self.backend.get_user(self._get_param("UserName")).permissions_boundary_arn = None
        return EmptyResult()

    User.permissions_boundary = property(boundary)
    IamResponse.put_user_permissions_boundary = put
    IamResponse.delete_user_permissions_boundary = delete


def _limit_attachments(kind: str) -> None:
    method = f"attach_{kind.lower()}_policy"
    attach = getattr(IAMBackend, method)

    # The parameters have moto's names, because moto's callers pass some of them by name.
    def attach_within_quota(self: Any, policy_arn: str, *args: str, **named: str) -> None:  # noqa: ANN401 - moto is untyped
        owner = next(iter((*args, *named.values())))
        attached = getattr(self, f"get_{kind.lower()}")(owner).managed_policies
        if policy_arn in attached:
            return
        if len(attached) >= POLICIES_PER_IDENTITY:
            raise LimitExceededException(f"Cannot exceed quota for PoliciesPer{kind}: {POLICIES_PER_IDENTITY}")
        attach(self, policy_arn, owner)

    setattr(IAMBackend, method, attach_within_quota)


def _limit_inline_policies() -> None:
    put = IAMBackend.put_role_policy

    def put_role_policy(self: Any, role_name: str, policy_name: str, policy_json: str) -> None:  # noqa: ANN401 - moto is untyped
        texts = {**self.get_role(role_name).policies, policy_name: policy_json}.values()
        if sum(len("".join(text.split())) for text in texts) > CHARACTERS_OF_ROLE_POLICIES:
            quota = CHARACTERS_OF_ROLE_POLICIES
            raise LimitExceededException(f"Maximum policy size of {quota} bytes exceeded for role {role_name}")
        put(self, role_name, policy_name, policy_json)

    IAMBackend.put_role_policy = put_role_policy


def _keep_roles_of_aws(method: str) -> None:
    """Refuse callers a change of a role of AWS' own; what makes such a role attaches its policies without a call."""
    change = getattr(IamResponse, method)

    def change_of_others(self: Any) -> Any:  # noqa: ANN401 - moto is untyped
        role = self.backend.get_role(self._get_param("RoleName"))
        if role.path.startswith(_ROLES_OF_AWS):
            raise IAMException(
                "UnmodifiableEntity",
                f"Cannot perform the operation on the protected role '{role.name}' - "
                "this role is only modifiable by AWS",
            )
        return change(self)

    setattr(IamResponse, method, change_of_others)


def _share_security_groups() -> None:
    change_interface = NetworkInterfaceBackend.modify_network_interface_attribute
    change_instance = InstanceBackend.modify_instance_security_groups

    def groups_of(interface: Any) -> list[Any]:  # noqa: ANN401 - moto is untyped
        groups: list[Any] = interface._group_set  # noqa: SLF001 - moto keeps the list nowhere else
        if groups or not interface.instance:
            return groups
        inherited: list[Any] = interface.instance.security_groups
        return inherited

    def modify_network_interface_attribute(self: Any, eni_id: str, group_ids: list[str], *args: Any) -> None:  # noqa: ANN401 - moto is untyped
        change_interface(self, eni_id, group_ids, *args)
        interface = self.get_network_interface(eni_id)
        if group_ids and interface.instance is not None and _is_first(interface):
            interface.instance.security_groups = list(interface._group_set)  # noqa: SLF001 - as above

    def modify_instance_security_groups(self: Any, instance_id: str, groups: list[str]) -> Any:  # noqa: ANN401 - moto is untyped
        instance = change_instance(self, instance_id, groups)
        for interface in instance.nics.values():
            if _is_first(interface):
                interface._group_set = list(instance.security_groups)  # noqa: SLF001 - as above
        return instance

    NetworkInterface.group_set = property(groups_of)
    NetworkInterfaceBackend.modify_network_interface_attribute = modify_network_interface_attribute
    InstanceBackend.modify_instance_security_groups = modify_instance_security_groups


def _is_first(interface: object) -> bool:
    return str(getattr(interface, "device_index", 0)) == "0"
