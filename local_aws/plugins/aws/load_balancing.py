"""Load balancers, target groups and listeners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from local_aws.plugins.aws.resource import (
    Clients,
    Gone,
    Observed,
    ResourceType,
    Values,
    absent,
    change_tags,
    retry_while,
    tag_dict,
    tag_list,
)


def observed_tags(elbv2: Any, arn: str) -> dict[str, str]:
    """The tags of one resource."""
    return tag_dict(elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])


def retag(elbv2: Any, arn: str, tags: Mapping[str, str] | None) -> None:
    """Make *tags* the tags of one resource."""
    change_tags(
        observed_tags(elbv2, arn),
        tags,
        remove=lambda keys: elbv2.remove_tags(ResourceArns=[arn], TagKeys=keys),
        add=lambda added: elbv2.add_tags(ResourceArns=[arn], Tags=added),
    )


class LoadBalancer(ResourceType):
    """An application load balancer."""

    token = "aws:lb/loadBalancer:LoadBalancer"  # noqa: S105
    arguments = "lb.LoadBalancerArgs"
    served = frozenset(
        {
            "name",
            "internal",
            "loadBalancerType",
            "securityGroups",
            "subnets",
            "dropInvalidHeaderFields",
            "idleTimeout",
            "tags",
        }
    )
    forces_replacement = frozenset({"name", "internal", "loadBalancerType"})
    name_length = 32
    defaults: ClassVar[Mapping[str, Any]] = {"loadBalancerType": "application", "internal": False}
    computed_names = frozenset({"arn", "arnSuffix", "dnsName", "vpcId", "zoneId", "tagsAll"})
    attributes: ClassVar[Mapping[str, str]] = {
        "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
        "idleTimeout": "idle_timeout.timeout_seconds",
    }

    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it; its id is its ARN."""
        answer = aws("elbv2").create_load_balancer(
            Name=inputs["name"],
            Type=inputs["loadBalancerType"],
            Scheme="internal" if inputs["internal"] else "internet-facing",
            Subnets=list(inputs.get("subnets") or []),
            SecurityGroups=list(inputs.get("securityGroups") or []),
            Tags=tag_list(inputs.get("tags")),
        )
        return str(answer["LoadBalancers"][0]["LoadBalancerArn"])

    def complete(self, aws: Clients, resource_id: str, inputs: Values) -> None:
        """Set its attributes."""
        self._write_attributes(aws("elbv2"), resource_id, inputs, frozenset(self.attributes))

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:  # noqa: ARG002
        """Describe it."""
        elbv2 = aws("elbv2")
        balancers = absent(
            lambda: elbv2.describe_load_balancers(LoadBalancerArns=[resource_id]), "LoadBalancerNotFound"
        )["LoadBalancers"]
        if not balancers:
            raise Gone(resource_id)
        balancer = balancers[0]
        tags = observed_tags(elbv2, resource_id)
        return Observed(
            inputs={
                "name": balancer["LoadBalancerName"],
                "internal": balancer.get("Scheme") == "internal",
                "subnets": [zone["SubnetId"] for zone in balancer["AvailabilityZones"]],
                "securityGroups": balancer.get("SecurityGroups", []),
                "tags": tags,
            },
            computed={
                "arn": resource_id,
                "arnSuffix": resource_id.partition(":loadbalancer/")[2],
                "dnsName": balancer["DNSName"],
                "vpcId": balancer["VpcId"],
                "zoneId": balancer.get("CanonicalHostedZoneId", ""),
                "tagsAll": tags,
            },
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Change its subnets, security groups, attributes or tags."""
        elbv2 = aws("elbv2")
        if "subnets" in changed:
            elbv2.set_subnets(LoadBalancerArn=resource_id, Subnets=list(inputs["subnets"]))
        if "securityGroups" in changed:
            elbv2.set_security_groups(
                LoadBalancerArn=resource_id, SecurityGroups=list(inputs["securityGroups"])
            )
        self._write_attributes(elbv2, resource_id, inputs, changed)
        if "tags" in changed:
            retag(elbv2, resource_id, inputs.get("tags"))

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Delete it."""
        elbv2 = aws("elbv2")
        absent(lambda: elbv2.delete_load_balancer(LoadBalancerArn=resource_id), "LoadBalancerNotFound")

    def _write_attributes(self, elbv2: Any, arn: str, inputs: Values, names: frozenset[str]) -> None:
        attributes = [
            {"Key": key, "Value": str(inputs[name]).lower()}
            for name, key in self.attributes.items()
            if name in names and inputs.get(name) is not None
        ]
        if attributes:
            elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)


class TargetGroup(ResourceType):
    """Where a listener forwards to, and what it calls healthy."""

    token = "aws:lb/targetGroup:TargetGroup"  # noqa: S105
    arguments = "lb.TargetGroupArgs"
    served = frozenset(
        {"name", "vpcId", "port", "protocol", "targetType", "deregistrationDelay", "healthCheck", "tags"}
    )
    forces_replacement = frozenset({"name", "vpcId", "port", "protocol", "targetType"})
    name_length = 32
    defaults: ClassVar[Mapping[str, Any]] = {"targetType": "instance"}
    computed_names = frozenset({"arn", "arnSuffix", "loadBalancerArns", "tagsAll"})
    health_check_keys: ClassVar[Mapping[str, str]] = {
        "path": "HealthCheckPath",
        "port": "HealthCheckPort",
        "protocol": "HealthCheckProtocol",
        "interval": "HealthCheckIntervalSeconds",
        "timeout": "HealthCheckTimeoutSeconds",
        "healthyThreshold": "HealthyThresholdCount",
        "unhealthyThreshold": "UnhealthyThresholdCount",
        "enabled": "HealthCheckEnabled",
    }

    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it; its id is its ARN."""
        answer = aws("elbv2").create_target_group(
            Name=inputs["name"],
            VpcId=inputs["vpcId"],
            Port=inputs["port"],
            Protocol=inputs["protocol"],
            TargetType=inputs["targetType"],
            Tags=tag_list(inputs.get("tags")),
            **self._health_check(inputs),
        )
        return str(answer["TargetGroups"][0]["TargetGroupArn"])

    def complete(self, aws: Clients, resource_id: str, inputs: Values) -> None:
        """Set its delay."""
        self._write_delay(aws("elbv2"), resource_id, inputs)

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:
        """Describe it."""
        elbv2 = aws("elbv2")
        groups = absent(
            lambda: elbv2.describe_target_groups(TargetGroupArns=[resource_id]), "TargetGroupNotFound"
        )["TargetGroups"]
        if not groups:
            raise Gone(resource_id)
        group = groups[0]
        tags = observed_tags(elbv2, resource_id)
        attributes = {
            item["Key"]: item["Value"]
            for item in elbv2.describe_target_group_attributes(TargetGroupArn=resource_id)["Attributes"]
        }
        return Observed(
            inputs={
                "name": group["TargetGroupName"],
                "vpcId": group["VpcId"],
                "port": group["Port"],
                "protocol": group["Protocol"],
                "targetType": group["TargetType"],
                "deregistrationDelay": int(attributes["deregistration_delay.timeout_seconds"]),
                "healthCheck": {
                    **(inputs.get("healthCheck") or {}),
                    **{
                        name: group[key]
                        for name, key in self.health_check_keys.items()
                        if key in group and name in (inputs.get("healthCheck") or {})
                    },
                },
                "tags": tags,
            },
            computed={
                "arn": resource_id,
                "arnSuffix": resource_id.rpartition(":")[2],
                "loadBalancerArns": group.get("LoadBalancerArns", []),
                "tagsAll": tags,
            },
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Change its health check, delay or tags."""
        elbv2 = aws("elbv2")
        if "healthCheck" in changed:
            elbv2.modify_target_group(TargetGroupArn=resource_id, **self._health_check(inputs))
        if "deregistrationDelay" in changed:
            self._write_delay(elbv2, resource_id, inputs)
        if "tags" in changed:
            retag(elbv2, resource_id, inputs.get("tags"))

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Wait until no listener forwards to it, as the upstream provider does."""
        elbv2 = aws("elbv2")
        absent(
            lambda: retry_while(
                lambda: elbv2.delete_target_group(TargetGroupArn=resource_id), {"ResourceInUse"}
            ),
            "TargetGroupNotFound",
        )

    def _health_check(self, inputs: Values) -> Values:
        check = inputs.get("healthCheck") or {}
        request = {
            key: check[name] for name, key in self.health_check_keys.items() if check.get(name) is not None
        }
        if check.get("matcher"):
            request["Matcher"] = {"HttpCode": check["matcher"]}
        return request

    def _write_delay(self, elbv2: Any, arn: str, inputs: Values) -> None:
        if inputs.get("deregistrationDelay") is None:
            return
        elbv2.modify_target_group_attributes(
            TargetGroupArn=arn,
            Attributes=[
                {
                    "Key": "deregistration_delay.timeout_seconds",
                    "Value": str(inputs["deregistrationDelay"]),
                }
            ],
        )


class Listener(ResourceType):
    """A port of a load balancer that forwards to one target group."""

    token = "aws:lb/listener:Listener"  # noqa: S105
    arguments = "lb.ListenerArgs"
    served = frozenset(
        {"loadBalancerArn", "port", "protocol", "certificateArn", "sslPolicy", "defaultActions", "tags"}
    )
    forces_replacement = frozenset({"loadBalancerArn"})
    computed_names = frozenset({"arn", "tagsAll"})

    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it; its id is its ARN."""
        answer = aws("elbv2").create_listener(
            LoadBalancerArn=inputs["loadBalancerArn"],
            Tags=tag_list(inputs.get("tags")),
            **self._to_request(inputs),
        )
        return str(answer["Listeners"][0]["ListenerArn"])

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:  # noqa: ARG002
        """Describe it."""
        elbv2 = aws("elbv2")
        listeners = absent(
            lambda: elbv2.describe_listeners(ListenerArns=[resource_id]),
            "ListenerNotFound",
            "LoadBalancerNotFound",
        )["Listeners"]
        if not listeners:
            raise Gone(resource_id)
        listener = listeners[0]
        tags = observed_tags(elbv2, resource_id)
        return Observed(
            inputs={
                "loadBalancerArn": listener["LoadBalancerArn"],
                "port": listener["Port"],
                "protocol": listener["Protocol"],
                "defaultActions": [
                    {"type": action["Type"], "targetGroupArn": action.get("TargetGroupArn")}
                    for action in listener["DefaultActions"]
                ],
                "tags": tags,
            },
            computed={"arn": resource_id, "tagsAll": tags},
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Change its port, certificate, action or tags."""
        elbv2 = aws("elbv2")
        if changed - {"tags"}:
            elbv2.modify_listener(ListenerArn=resource_id, **self._to_request(inputs))
        if "tags" in changed:
            retag(elbv2, resource_id, inputs.get("tags"))

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Delete it."""
        elbv2 = aws("elbv2")
        absent(lambda: elbv2.delete_listener(ListenerArn=resource_id), "ListenerNotFound")

    def _to_request(self, inputs: Values) -> Values:
        request: Values = {
            "Port": inputs["port"],
            "Protocol": inputs["protocol"],
            "DefaultActions": [
                {"Type": action["type"], "TargetGroupArn": action["targetGroupArn"]}
                for action in inputs["defaultActions"]
            ],
        }
        if inputs.get("certificateArn"):
            request["Certificates"] = [{"CertificateArn": inputs["certificateArn"]}]
        if inputs.get("sslPolicy"):
            request["SslPolicy"] = inputs["sslPolicy"]
        return request
