"""The machines: their launch template and Auto Scaling group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.machine_role import make_instance_profile
from infra.naming import shorten
from infra.secrets import Secret, user_data

LONGEST_LAUNCH_TEMPLATE_NAME = 125
"""CreateLaunchTemplate allows 128, the aws provider three fewer (EC2 API reference; its documentation)."""


@dataclass(frozen=True, kw_only=True)
class FleetArgs:
    """Which image the machines run, how many there are, and where they stand."""

    ami_id: pulumi.Input[str]
    root_device_name: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    subnet_ids: pulumi.Input[Sequence[str]]
    target_group_arn: pulumi.Input[str]
    load_balancer_security_group_id: pulumi.Input[str]
    application_port: int
    instance_type: str
    root_volume_gigabytes: int
    has_detailed_monitoring: bool
    min_size: int
    max_size: int
    desired_capacity: int
    target_cpu_percent: int
    health_check_grace_period_seconds: int
    region: str
    secrets: Sequence[Secret]
    tags: Mapping[str, str]


class Fleet(pulumi.ComponentResource):
    """An Auto Scaling group whose launch template is moved by the rollout alone.

    Outputs: `auto_scaling_group_name`; `launch_template_id`; `launch_template_version`, the number of the
    version that holds the image, as text.
    """

    auto_scaling_group_name: pulumi.Output[str]
    launch_template_id: pulumi.Output[str]
    launch_template_version: pulumi.Output[str]

    def __init__(self, name: str, args: FleetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("immutable-machines:infra:Fleet", name, {}, opts)
        # Nothing here may change from commit to commit, or every commit would roll the fleet.
        tags = {**args.tags, "Name": name}

        security_group = self._security_group(name, args, tags)
        instance_profile = make_instance_profile(name, args.secrets, args.region, tags, parent=self)
        launch_template = self._launch_template(name, args, tags, security_group, instance_profile)
        group = self._group(name, args, tags, launch_template)
        aws.autoscaling.Policy(
            f"{name}-cpu",
            autoscaling_group_name=group.name,
            policy_type="TargetTrackingScaling",
            target_tracking_configuration=aws.autoscaling.PolicyTargetTrackingConfigurationArgs(
                predefined_metric_specification=aws.autoscaling.PolicyTargetTrackingConfigurationPredefinedMetricSpecificationArgs(
                    predefined_metric_type="ASGAverageCPUUtilization"
                ),
                target_value=float(args.target_cpu_percent),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.auto_scaling_group_name = group.name
        self.launch_template_id = launch_template.id
        self.launch_template_version = launch_template.latest_version.apply(lambda number: str(int(number)))
        self.register_outputs(
            {
                "auto_scaling_group_name": self.auto_scaling_group_name,
                "launch_template_id": self.launch_template_id,
                "launch_template_version": self.launch_template_version,
            }
        )

    def _security_group(self, name: str, args: FleetArgs, tags: Mapping[str, str]) -> aws.ec2.SecurityGroup:
        """Lets the load balancer reach the application, and the machine reach anything."""
        child = pulumi.ResourceOptions(parent=self)
        security_group = aws.ec2.SecurityGroup(
            f"{name}-machines",
            description=f"Machines of {name}",
            vpc_id=args.vpc_id,
            tags=tags,
            opts=child,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-machines-from-load-balancer",
            security_group_id=security_group.id,
            description="Load balancer",
            referenced_security_group_id=args.load_balancer_security_group_id,
            ip_protocol="tcp",
            from_port=args.application_port,
            to_port=args.application_port,
            tags=tags,
            opts=child,
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-load-balancer-to-machines",
            security_group_id=args.load_balancer_security_group_id,
            description="Machines",
            referenced_security_group_id=security_group.id,
            ip_protocol="tcp",
            from_port=args.application_port,
            to_port=args.application_port,
            tags=tags,
            opts=child,
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-machines-to-anywhere",
            security_group_id=security_group.id,
            description="AWS APIs and what the application calls",
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="-1",
            tags=tags,
            opts=child,
        )
        return security_group

    def _launch_template(
        self,
        name: str,
        args: FleetArgs,
        tags: Mapping[str, str],
        security_group: aws.ec2.SecurityGroup,
        instance_profile: aws.iam.InstanceProfile,
    ) -> aws.ec2.LaunchTemplate:
        """Each image is a numbered version of it."""
        return aws.ec2.LaunchTemplate(
            shorten(f"{name}-launch-template", LONGEST_LAUNCH_TEMPLATE_NAME),
            image_id=args.ami_id,
            instance_type=args.instance_type,
            iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(arn=instance_profile.arn),
            vpc_security_group_ids=[security_group.id],
            user_data=user_data(args.secrets, args.region) if args.secrets else None,
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            monitoring=aws.ec2.LaunchTemplateMonitoringArgs(enabled=args.has_detailed_monitoring),
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name=args.root_device_name,
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_type="gp3",
                        volume_size=args.root_volume_gigabytes,
                        encrypted="true",
                        delete_on_termination="true",
                    ),
                )
            ],
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
                for kind in ("instance", "volume")
            ],
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _group(
        self,
        name: str,
        args: FleetArgs,
        tags: Mapping[str, str],
        launch_template: aws.ec2.LaunchTemplate,
    ) -> aws.autoscaling.Group:
        """Begins on the launch template's version of its first day; later ones come by the rollout."""
        return aws.autoscaling.Group(
            f"{name}-group",
            vpc_zone_identifiers=args.subnet_ids,
            min_size=args.min_size,
            max_size=args.max_size,
            desired_capacity=args.desired_capacity,
            health_check_type="ELB",
            health_check_grace_period=args.health_check_grace_period_seconds,
            target_group_arns=[args.target_group_arn],
            launch_template=aws.autoscaling.GroupLaunchTemplateArgs(
                id=launch_template.id,
                version=launch_template.latest_version.apply(lambda number: str(int(number))),
            ),
            # The rollout waits and knows why a machine does not come; this resource would only time out.
            wait_for_capacity_timeout="0",
            # Instances carry the tags of the launch template; these are the group's own.
            tags=[
                aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=False)
                for key, value in sorted(tags.items())
            ],
            opts=pulumi.ResourceOptions(
                parent=self,
                # The rollout moves the one (terraform-provider-aws#34189), the scaling policy the other. Were
                # it the version alone, its old number would go with the id of a template that was made anew.
                ignore_changes=["launchTemplate", "desiredCapacity"],
            ),
        )
