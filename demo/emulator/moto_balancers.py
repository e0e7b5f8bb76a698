"""Where moto's Auto Scaling and load balancing differ from AWS, and taking an instance out of them would notice.

What this corrects:

- an instance can be a target of one group on several ports, and each of them is registered by itself; taking out what
  is not in is no error; and where a load balancer uses the group, a target that was taken out is ``draining``;
- only members of an Auto Scaling group can be detached from it, and what is in a group, or would make it larger than
  it may be, cannot be attached;
- a classic load balancer that does not exist is an error.

May touch: the classes of moto in this process. Works with plain moto and with the copy LocalEmu brings.
Never does: end the draining.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.elb.exceptions import LoadBalancerNotFoundError
from moto.elb.models import ELBBackend
from moto.elbv2.exceptions import TargetNotRunning
from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    """Correct moto in this process. To be called once, by ``moto_fixes``."""
    AutoScalingBackend.attach_instances = _attach_what_fits()
    AutoScalingBackend.detach_instances = _detach_members()
    ELBBackend.get_load_balancer = _get_load_balancer
    FakeTargetGroup.register = _register
    FakeTargetGroup.deregister = _deregister
    FakeTargetGroup.deregister_terminated_instances = _deregister_terminated_instances
    FakeTargetGroup.health_for = _health_for


def _attach_what_fits() -> Callable[..., Any]:
    attach = AutoScalingBackend.attach_instances

    def attach_instances(self: Any, group_name: str, instance_ids: list[str]) -> Any:  # noqa: ANN401 - moto is untyped
        for group in self.autoscaling_groups.values():
            for member in set(instance_ids) & {state.instance.id for state in group.instance_states}:
                raise ValidationError(f"Instance {member} is already part of AutoScalingGroup:{group.name}.")
        group = self.autoscaling_groups[group_name]
        for instance in self.ec2_backend.get_multi_instances_by_id(instance_ids):
            if instance.state != "running":
                raise ValidationError(
                    f"Instance {instance.id} is not in correct state. Instance(s) must be in service."
                )
        if group.desired_capacity + len(instance_ids) > group.max_size:
            raise ValidationError(
                f"AutoScalingGroup {group_name} has max-size={group.max_size}, current-size={group.desired_capacity}. "
                f"Attempted to attach {len(instance_ids)} instance(s)."
            )
        return attach(self, group_name, instance_ids)

    return attach_instances


def _detach_members() -> Callable[..., Any]:
    detach = AutoScalingBackend.detach_instances

    def detach_instances(self: Any, group_name: str, instance_ids: list[str], *args: Any, **named: Any) -> Any:  # noqa: ANN401 - moto is untyped
        group = self.autoscaling_groups.get(group_name)
        if group is None:
            raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup: {group_name} not found")
        for stranger in set(instance_ids) - {state.instance.id for state in group.instance_states}:
            raise ValidationError(f"The instance {stranger} is not part of Auto Scaling group {group_name}.")
        return detach(self, group_name, instance_ids, *args, **named)

    return detach_instances


def _get_load_balancer(self: Any, load_balancer_name: str) -> Any:  # noqa: ANN401 - moto is untyped
    balancer = self.load_balancers.get(load_balancer_name)
    if balancer is None:
        raise LoadBalancerNotFoundError(load_balancer_name)
    return balancer


def _key(group: Any, target: dict[str, Any]) -> tuple[str, str]:  # noqa: ANN401 - moto is untyped
    return target["Id"], str(target.get("Port") or group.port)


def _register(self: Any, targets: list[dict[str, Any]]) -> None:  # noqa: ANN401 - moto is untyped
    for target in targets:
        instance = self.ec2_backend.get_instance_by_id(target["Id"])
        if instance and instance.state != "running":
            raise TargetNotRunning(instance_id=target["Id"])
        self.targets[_key(self, target)] = {"Id": target["Id"], "Port": target.get("Port") or self.port}


def _deregister(self: Any, targets: list[dict[str, Any]]) -> None:  # noqa: ANN401 - moto is untyped
    for target in targets:
        known = self.targets.get(_key(self, target))
        if known and self.load_balancer_arns:
            known["Draining"] = True
        else:
            self.targets.pop(_key(self, target), None)


def _deregister_terminated_instances(self: Any, instance_ids: list[str]) -> None:  # noqa: ANN401 - moto is untyped
    _deregister(self, [target for target in list(self.targets.values()) if target["Id"] in instance_ids])


def _health_for(self: Any, target: dict[str, Any], ec2_backend: Any) -> FakeHealthStatus:  # noqa: ANN401 - moto is untyped
    known = self.targets.get(_key(self, target))
    instance = ec2_backend.get_instance_by_id(target["Id"])
    said: tuple[str, ...] = ("healthy",)
    if known is None:
        said = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
    elif known.get("Draining"):
        said = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    elif instance and instance.state == "stopped":
        said = ("unused", "Target.InvalidState", "Target is in the stopped state")
    return FakeHealthStatus(target["Id"], target.get("Port") or self.port, self.health_check_port, *said)
