"""moto's ELBv2 backend, the half that is about target groups: health checks, targets and their health."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from moto.elbv2.exceptions import ELBClientError, TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from local_aws.home import world_lock
from local_aws.load_balancing import refusals
from local_aws.load_balancing.health import describe
from local_aws.load_balancing.ports import PortTakenError
from local_aws.load_balancing.proxy import Proxy
from local_aws.load_balancing.runtime_api import HaproxyError
from local_aws.load_balancing.targets import Record
from local_aws.load_balancing.translation import group_name, instances_by_id, listener_groups
from local_aws.records.proxy import ScriptedProxy

GONE = ("shutting-down", "terminated")


class TargetGroupsBackend(ELBv2Backend):
    """Target groups whose targets are servers of a real proxy."""

    proxy: ClassVar[Proxy | ScriptedProxy]
    targets_changed: ClassVar[threading.Event]  # haproxy follows within moments

    def create_target_group(self, name: str, **kwargs: Any) -> FakeTargetGroup:
        """A target group of instances, checked by HTTP."""
        refusals.check_target_group(kwargs)
        return super().create_target_group(name, **kwargs)

    def modify_target_group(self, arn: str, *args: Any, **kwargs: Any) -> FakeTargetGroup:
        """Change how the targets are checked."""
        names = ("protocol", "port", "path", "interval_seconds", "timeout_seconds")
        values = {f"healthcheck_{name}": value for name, value in zip(names, args, strict=False)}
        thresholds = ("healthy_threshold_count", "unhealthy_threshold_count")
        values |= dict(zip(thresholds, args[len(names) :], strict=False))
        refusals.check_target_group(
            {**values, "healthcheck_enabled": kwargs.get("health_check_enabled", True)}
        )
        with self._applied():
            return super().modify_target_group(arn, *args, **kwargs)

    def modify_target_group_attributes(self, target_group_arn: str, attributes: dict[str, Any]) -> None:
        """Change what can be changed here; refuse the rest."""
        refusals.check_target_group_attributes(attributes)
        # moto holds 3600 for too long, which AWS allows.
        longest = attributes.get("deregistration_delay.timeout_seconds") == "3600"
        with self._applied():
            super().modify_target_group_attributes(
                target_group_arn,
                {k: v for k, v in attributes.items() if not (longest and k.startswith("deregistration"))},
            )
            self.target_groups[target_group_arn].attributes.update(attributes)

    def register_targets(self, target_group_arn: str, instances: list[Any]) -> None:
        """Register instances; one that is still pending gets its first health check once it runs."""
        group = self._target_group(target_group_arn)
        known = instances_by_id(self)
        for target in instances:
            instance = known.get(target["Id"])
            if instance is None or instance.state in GONE:
                raise ELBClientError(
                    "InvalidTarget", f"The following targets are not valid instances: '{target['Id']}'"
                )
            if instance.state in ("stopping", "stopped"):
                raise ELBClientError(
                    "InvalidTarget",
                    "The following targets are not in a running state and cannot be registered: "
                    f"'{target['Id']}'",
                )
            registered = group.targets.get(target["Id"])
            if registered and int(registered["Port"]) != int(target.get("Port", group.port)):
                raise refusals.unsupported(
                    f"target {target['Id']} on a second port", "deregister it from the first port"
                )
        with world_lock:
            for target in instances:
                port = int(target.get("Port", group.port))
                group.targets[target["Id"]] = {"Id": target["Id"], "Port": port}
        self.targets_changed.set()

    def deregister_targets(self, target_group_arn: str, instances: list[dict[str, Any]]) -> None:
        """Let targets finish what they do, then forget them; one that is not registered is no error."""
        group = self._target_group(target_group_arn)
        with world_lock:
            for target in instances:
                group.targets.pop(target["Id"], None)
        self.targets_changed.set()

    def notify_terminate_instances(self, instance_ids: list[str]) -> None:
        """AWS deregisters an instance that is terminated by itself."""
        with world_lock:
            for group in list(self.target_groups.values()):
                for instance_id in instance_ids:
                    group.targets.pop(instance_id, None)
        self.targets_changed.set()

    def forget_terminated(self) -> None:
        """Deregister the targets whose instances are gone, however they went."""
        if not any(group.targets for group in list(self.target_groups.values())):
            return
        known = instances_by_id(self)
        for group in list(self.target_groups.values()):
            gone = [one for one in list(group.targets) if one not in known or known[one].state in GONE]
            if gone:
                self.notify_terminate_instances(gone)

    def describe_target_health(
        self, target_group_arn: str, targets: list[dict[str, Any]]
    ) -> list[FakeHealthStatus]:
        """What haproxy's checks see of *targets*, or of every target that is registered or draining."""
        group = self._target_group(target_group_arn)
        records = self._records(group)
        registered = dict(group.targets)
        wanted = [target["Id"] for target in targets] or [*registered, *(records.keys() - registered.keys())]
        instances = instances_by_id(self)
        statuses = []
        for instance_id in wanted:
            instance, record = instances.get(instance_id), records.get(instance_id)
            health = describe(
                is_registered=instance_id in registered,
                is_group_used=bool(group.load_balancer_arns),
                instance_state=str(instance.state) if instance else "terminated",
                record=record,
            )
            port = registered[instance_id]["Port"] if instance_id in registered else group.port
            check_port = str(port) if group.health_check_port == "traffic-port" else group.health_check_port
            statuses.append(
                FakeHealthStatus(
                    instance_id, port, check_port, health.state, health.reason, health.description
                )
            )
        return statuses

    def _records(self, group: FakeTargetGroup) -> dict[str, Record]:
        name = group_name(group.arn)
        records = list(self.proxy.records.values())
        return {one.target.instance_id: one for one in records if one.group.name == name}

    def _target_group(self, arn: str) -> FakeTargetGroup:
        group = self.target_groups.get(arn)
        if group is None:
            raise TargetGroupNotFoundError()
        return group

    def _apply(self) -> None:
        try:
            self.proxy.apply()
        except (HaproxyError, PortTakenError, OSError) as error:
            raise ELBClientError("InvalidConfigurationRequest", str(error)) from error

    @contextmanager
    def _applied(self) -> Iterator[None]:
        with self.proxy.changing():
            yield
            self._refresh_group_owners()
            self._apply()

    def _refresh_group_owners(self) -> None:
        """Keep moto's list of each group's load balancers true: moto only ever adds to it."""
        owners: dict[str, list[str]] = {arn: [] for arn in self.target_groups}
        for balancer in self.load_balancers.values():
            for listener in balancer.listeners.values():
                for arn in listener_groups(listener):
                    if balancer.arn not in owners.setdefault(arn, []):
                        owners[arn].append(balancer.arn)
        for arn, group in self.target_groups.items():
            group.load_balancer_arns = owners[arn]
