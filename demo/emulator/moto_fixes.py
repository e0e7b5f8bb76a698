"""Where moto differs from AWS in a way that containment would notice.

Two differences. The security groups of an instance and of its first network interface are one list on AWS
and two on moto. And moto lets any number of managed policies be attached, where AWS stops at ten: a user
whom somebody has given ten policies cannot be given an eleventh, not even one that denies.

May touch: the classes of moto in this process. Works with plain moto and with the copy LocalEmu brings.
Never does: keep state of its own.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.instances import InstanceBackend
from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend

POLICIES_PER_IDENTITY = 10
"""How many managed policies AWS lets one user, role or group have, before a raise of the quota.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

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
