"""The application load balancer in front of the fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import shorten

LONGEST_NAME = 32
"""Of load balancers and of target groups (CreateLoadBalancer, CreateTargetGroup, ELBv2 API reference)."""

LONGEST_HEALTH_CHECK_TIMEOUT_SECONDS = 5

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    """What the load balancer listens on, what it forwards to, and what it calls healthy."""

    vpc_id: pulumi.Input[str]
    subnet_ids: pulumi.Input[Sequence[str]]
    is_internal: bool
    listener_port: int
    certificate_arn: str | None
    allowed_cidr_blocks: Sequence[str]
    application_port: int
    health_check_path: str
    health_check_interval_seconds: int
    healthy_threshold: int
    unhealthy_threshold: int
    deregistration_delay_seconds: int
    tags: Mapping[str, str]


class LoadBalancer(pulumi.ComponentResource):
    """A load balancer that forwards one port to a target group.

    Outputs: `url`, without a slash at its end; `target_group_arn`; `security_group_id`, the only one that
    may reach the application; `arn_suffix` and `target_group_arn_suffix`, by which CloudWatch knows them.
    """

    url: pulumi.Output[str]
    target_group_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    target_group_arn_suffix: pulumi.Output[str]

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("immutable-machines:infra:LoadBalancer", name, {}, opts)
        tags = {**args.tags, "Name": name}

        security_group = self._security_group(name, args, tags)
        load_balancer = aws.lb.LoadBalancer(
            shorten(name, LONGEST_NAME),
            load_balancer_type="application",
            internal=args.is_internal,
            security_groups=[security_group.id],
            subnets=args.subnet_ids,
            drop_invalid_header_fields=True,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        target_group = self._target_group(name, args, tags, load_balancer)
        listener = self._listener(name, args, tags, load_balancer, target_group)

        # Whoever takes these outputs also waits for the listener: a target group that no listener uses
        # is never health-checked (Target.NotInUse, ELBv2 user guide "Health checks for target groups").
        self.target_group_arn = pulumi.Output.all(target_group.arn, listener.arn).apply(lambda arns: arns[0])
        self.security_group_id = security_group.id
        self.arn_suffix = load_balancer.arn_suffix
        self.target_group_arn_suffix = target_group.arn_suffix
        self.url = load_balancer.dns_name.apply(
            lambda host: format_url(host, args.listener_port, is_https=bool(args.certificate_arn))
        )
        self.register_outputs(
            {
                "url": self.url,
                "target_group_arn": self.target_group_arn,
                "security_group_id": self.security_group_id,
                "arn_suffix": self.arn_suffix,
                "target_group_arn_suffix": self.target_group_arn_suffix,
            }
        )

    def _security_group(
        self, name: str, args: LoadBalancerArgs, tags: Mapping[str, str]
    ) -> aws.ec2.SecurityGroup:
        """Lets the clients reach the listener."""
        security_group = aws.ec2.SecurityGroup(
            f"{name}-load-balancer",
            description=f"Load balancer of {name}",
            vpc_id=args.vpc_id,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        for position, cidr_block in enumerate(args.allowed_cidr_blocks):
            aws.vpc.SecurityGroupIngressRule(
                # A rule is its network: one named by its position would become another one when the list
                # changes, and AWS has no two rules that are alike (InvalidPermission.Duplicate).
                f"{name}-load-balancer-from-{cidr_block}",
                security_group_id=security_group.id,
                description="Clients",
                cidr_ipv4=cidr_block,
                ip_protocol="tcp",
                from_port=args.listener_port,
                to_port=args.listener_port,
                tags=tags,
                opts=pulumi.ResourceOptions(
                    parent=self, aliases=[pulumi.Alias(name=f"{name}-load-balancer-from-{position}")]
                ),
            )
        return security_group

    def _target_group(
        self, name: str, args: LoadBalancerArgs, tags: Mapping[str, str], load_balancer: aws.lb.LoadBalancer
    ) -> aws.lb.TargetGroup:
        """The machines, and when one of them is healthy."""
        return aws.lb.TargetGroup(
            shorten(name, LONGEST_NAME),
            vpc_id=args.vpc_id,
            port=args.application_port,
            protocol="HTTP",
            target_type="instance",
            deregistration_delay=args.deregistration_delay_seconds,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                path=args.health_check_path,
                interval=args.health_check_interval_seconds,
                # It must be shorter than the interval, which is 5 seconds or more.
                timeout=min(LONGEST_HEALTH_CHECK_TIMEOUT_SECONDS, args.health_check_interval_seconds - 1),
                healthy_threshold=args.healthy_threshold,
                unhealthy_threshold=args.unhealthy_threshold,
                matcher="200",
            ),
            tags=tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                # The old load balancer serves until the new one does, and a target group belongs to one
                # of them (TargetGroupAssociationLimit, CreateListener, ELBv2 API reference).
                replace_with=[load_balancer],
            ),
        )

    def _listener(
        self,
        name: str,
        args: LoadBalancerArgs,
        tags: Mapping[str, str],
        load_balancer: aws.lb.LoadBalancer,
        target_group: aws.lb.TargetGroup,
    ) -> aws.lb.Listener:
        """Forwards its port to the machines."""
        return aws.lb.Listener(
            f"{name}-listener",
            load_balancer_arn=load_balancer.arn,
            port=args.listener_port,
            protocol="HTTPS" if args.certificate_arn else "HTTP",
            certificate_arn=args.certificate_arn,
            ssl_policy=TLS_POLICY if args.certificate_arn else None,
            default_actions=[
                aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=target_group.arn)
            ],
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )


def format_url(host: str, port: int, *, is_https: bool) -> str:
    """The URL of *host*, naming the port only where it is not the scheme's own."""
    scheme, own_port = ("https", 443) if is_https else ("http", 80)
    return f"{scheme}://{host}" if port == own_port else f"{scheme}://{host}:{port}"
