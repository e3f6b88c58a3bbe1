"""moto's ELBv2 backend with a real proxy behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from moto.elbv2.exceptions import DuplicateListenerError, ELBClientError, TargetGroupNotFoundError
from moto.elbv2.models import (
    ELBv2Backend,
    FakeHealthStatus,
    FakeListener,
    FakeListenerRule,
    FakeLoadBalancer,
    FakeTargetGroup,
    elbv2_backends,
)

from local_aws.home import Home, world_lock
from local_aws.load_balancing import refusals
from local_aws.load_balancing.haproxy import HaproxyError
from local_aws.load_balancing.health import describe
from local_aws.load_balancing.ports import PortTakenError, choose_address
from local_aws.load_balancing.proxy import Proxy
from local_aws.load_balancing.targets import Record
from local_aws.load_balancing.translation import (
    forwarded_groups,
    group_name,
    instances_by_id,
    listener_groups,
)

GONE = ("shutting-down", "terminated")


def all_backends() -> list[ELBv2Backend]:
    """The ELBv2 backend of every account and region that was used so far."""
    return [backend for account in list(elbv2_backends.values()) for backend in list(account.values())]


class LocalELBv2Backend(ELBv2Backend):
    """Application Load Balancers whose listeners, targets and target health are real."""

    home: ClassVar[Home]
    proxy: ClassVar[Proxy]
    wake: ClassVar[Any]  # called when targets changed: haproxy follows within moments

    # Load balancers

    def create_load_balancer(self, *args: Any, **kwargs: Any) -> FakeLoadBalancer:
        """A load balancer on an address of its own."""
        refusals.check_load_balancer(kwargs.get("loadbalancer_type"), kwargs.get("ip_address_type"))
        with world_lock:
            taken = {one.dns_name for other in all_backends() for one in other.load_balancers.values()}
            address = choose_address(self.home, taken)
            if address is None:
                raise ELBClientError(
                    "TooManyLoadBalancers",
                    f"all {len(taken)} addresses for load balancers are taken · a free one was expected · "
                    "delete a load balancer",
                )
            balancer = super().create_load_balancer(*args, **kwargs)
            balancer.dns_name = address
            balancer.state = "active"
            balancer.attrs["load_balancing.cross_zone.enabled"] = "true"
        return balancer

    def delete_load_balancer(self, arn: str) -> None:
        """Delete it with its listeners, unless it is protected."""
        balancer = self.load_balancers.get(arn)
        if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
            raise ELBClientError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        with self._applied():
            super().delete_load_balancer(arn)

    def modify_load_balancer_attributes(self, arn: str, attrs: dict[str, Any]) -> dict[str, Any]:
        """Change what can be changed here; refuse the rest."""
        refusals.check_load_balancer_attributes(attrs)
        with self._applied():
            return super().modify_load_balancer_attributes(arn, attrs)

    def set_ip_address_type(self, arn: str, ip_type: str) -> None:
        """Only ipv4 is there."""
        refusals.check_load_balancer(None, ip_type)
        super().set_ip_address_type(arn, ip_type)

    # Listeners

    def create_listener(
        self,
        load_balancer_arn: str,
        protocol: str,
        port: str,
        ssl_policy: str,
        certificate: str | None,
        actions: list[dict[str, Any]],
        *args: Any,
        **kwargs: Any,
    ) -> FakeListener:
        """A listener that listens for real; nothing is recorded when its port is taken."""
        refusals.check_protocol(protocol)
        balancer = self.describe_load_balancers([load_balancer_arn], None)[0]
        self._check_actions(balancer, actions)
        if any(int(one.port) == int(port) for one in balancer.listeners.values()):
            raise DuplicateListenerError()
        with self.proxy.changing():
            self._claim(balancer, port)
            try:
                listener = super().create_listener(
                    load_balancer_arn, protocol, port, ssl_policy, certificate, actions, *args, **kwargs
                )
                try:
                    self._apply()
                except ELBClientError:
                    balancer.listeners.pop(listener.arn, None)
                    raise
            finally:
                self.proxy.release_unused()
                self._refresh_group_owners()
        return listener

    def modify_listener(
        self,
        arn: str,
        port: str | None = None,
        protocol: str | None = None,
        ssl_policy: str | None = None,
        certificates: list[dict[str, Any]] | None = None,
        actions: list[dict[str, Any]] | None = None,
    ) -> FakeListener:
        """Change the listener; it stays as it was when haproxy or the port do not allow it."""
        refusals.check_protocol(protocol)
        listener = self.describe_listeners(None, [arn])[0]
        balancer = self.load_balancers[listener.load_balancer_arn]
        if actions:
            self._check_actions(balancer, actions)
        before = (listener.port, listener.default_actions)
        with self.proxy.changing():
            if port is not None and int(port) != int(listener.port):
                if any(int(one.port) == int(port) for one in balancer.listeners.values()):
                    raise DuplicateListenerError()
                self._claim(balancer, port)
            try:
                super().modify_listener(arn, port, protocol, ssl_policy, certificates, actions or [])
                self._apply()
            except ELBClientError:
                listener.port, listener.default_actions = before
                listener._default_rule[0].actions = before[1]
                raise
            finally:
                self.proxy.release_unused()
                self._refresh_group_owners()
        return listener

    def delete_listener(self, listener_arn: str) -> FakeListener:
        """Stop listening; requests in flight are finished."""
        with self._applied():
            return super().delete_listener(listener_arn)

    def create_rule(self, *args: Any, **kwargs: Any) -> FakeListenerRule:  # noqa: ARG002
        """Listener rules are not there yet."""
        raise refusals.unsupported("a listener rule", "use the listener's default action")

    # Target groups

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

    # Targets

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
        self.wake()

    def deregister_targets(self, target_group_arn: str, instances: list[dict[str, Any]]) -> None:
        """Let targets finish what they do, then forget them; one that is not registered is no error."""
        group = self._target_group(target_group_arn)
        with world_lock:
            for target in instances:
                group.targets.pop(target["Id"], None)
        self.wake()

    def notify_terminate_instances(self, instance_ids: list[str]) -> None:
        """AWS deregisters an instance that is terminated by itself."""
        with world_lock:
            for group in list(self.target_groups.values()):
                for instance_id in instance_ids:
                    group.targets.pop(instance_id, None)
        self.wake()

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

    # How

    def _records(self, group: FakeTargetGroup) -> dict[str, Record]:
        name = group_name(group.arn)
        records = list(self.proxy.records.values())
        return {one.target.instance_id: one for one in records if one.group.name == name}

    def _target_group(self, arn: str) -> FakeTargetGroup:
        group = self.target_groups.get(arn)
        if group is None:
            raise TargetGroupNotFoundError()
        return group

    def _check_actions(self, balancer: FakeLoadBalancer, actions: list[dict[str, Any]]) -> None:
        refusals.check_actions(actions)
        for arn in forwarded_groups(actions):
            group = self._target_group(arn)
            if any(owner != balancer.arn for owner in group.load_balancer_arns):
                raise ELBClientError(
                    "TargetGroupAssociationLimit",
                    "The following target groups cannot be associated with more than one load balancer: "
                    f"{arn}",
                )

    def _claim(self, balancer: FakeLoadBalancer, port: str) -> None:
        try:
            self.proxy.claim(balancer.dns_name, int(port))
        except PortTakenError as error:
            raise ELBClientError("InvalidConfigurationRequest", str(error)) from error

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
