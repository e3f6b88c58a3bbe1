"""moto's ELBv2 backend with a real proxy behind it: load balancers and listeners."""

from __future__ import annotations

from typing import Any, ClassVar

from moto.elbv2.exceptions import DuplicateListenerError, ELBClientError
from moto.elbv2.models import (
    ELBv2Backend,
    FakeListener,
    FakeListenerRule,
    FakeLoadBalancer,
    FakeRule,
    elbv2_backends,
)

from local_aws.home import Home, world_lock
from local_aws.load_balancing import refusals
from local_aws.load_balancing.ports import PortTakenError, choose_address
from local_aws.load_balancing.target_groups import TargetGroupsBackend
from local_aws.load_balancing.translation import forwarded_groups


def all_backends() -> list[ELBv2Backend]:
    """The ELBv2 backend of every account and region that was used so far."""
    return [backend for account in list(elbv2_backends.values()) for backend in list(account.values())]


class LocalELBv2Backend(TargetGroupsBackend):
    """Application Load Balancers whose listeners, targets and target health are real."""

    home: ClassVar[Home]

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

    def modify_rule(self, *args: Any, **kwargs: Any) -> FakeRule:  # noqa: ARG002
        """The only rule there is, the default one, changes with its listener."""
        raise refusals.unsupported("changing a listener rule", "modify the listener's default action")

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
