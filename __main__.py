"""settings → image → network → load balancer → fleet → alarms → rollout → smoke test → mark → outputs."""

import pulumi

from aws_credentials import check_credentials
from image_builder import ImageCopies, ImageCopiesArgs, PackerImage, PackerImageArgs
from infra.alarms import Alarms, AlarmsArgs, count_what_no_rollout_explains
from infra.ami import find_ami
from infra.fleet import Fleet, FleetArgs
from infra.load_balancer import LoadBalancer, LoadBalancerArgs
from infra.network import find_network
from infra.rollout import InstanceRefresh, InstanceRefreshArgs
from infra.secret_versions import find_secrets
from infra.secrets import versions_of
from infra.smoke_test import run_smoke_test
from infra.verified_mark import VerifiedMark, VerifiedMarkArgs
from settings import load_settings

settings = load_settings()
check_credentials(
    build_minutes=settings.longest_build_minutes,
    rollout_minutes=settings.rollout_timeout_minutes,
)
secrets = find_secrets(settings.secret_names, settings.region)
name = f"{settings.image_family}-{pulumi.get_stack()}"
tags = {"Project": pulumi.get_project(), "Stack": pulumi.get_stack()}

image = PackerImage(
    settings.image_family,
    PackerImageArgs(
        folder=settings.image_folder,
        family=settings.image_family,
        region=settings.region,
        pinned_ami=settings.pinned_ami,
        owners=settings.image_owners,
        promote_from=settings.promote_from,
        require_verified_in=settings.require_verified_in,
        allow_unverified_pin=settings.allow_unverified_pin,
        kms_key=settings.image_kms_key or None,
        vpc_id=settings.vpc_id,
        subnet_id=next(iter(settings.subnet_ids), None),
        build_timeout_minutes=settings.build_timeout_minutes,
        verify=settings.verify_image,
    ),
)
if settings.copy_to_regions or settings.share_with_accounts:
    ImageCopies(
        f"{settings.image_family}-copies",
        ImageCopiesArgs(
            ami_id=image.ami_id,
            region=settings.region,
            copy_to_regions=settings.copy_to_regions,
            share_with_accounts=settings.share_with_accounts,
            kms_key=settings.image_kms_key,
            timeout_minutes=settings.build_timeout_minutes,
        ),
    )
# Only what this account owns or trusts, Packer built and AWS calls available gets any further.
ami = find_ami(image.ami_id, settings.image_owners)
network = find_network(settings.vpc_id, settings.subnet_ids, settings.instance_type)
load_balancer = LoadBalancer(
    name,
    LoadBalancerArgs(
        vpc_id=network.vpc_id,
        subnet_ids=network.subnet_ids,
        is_internal=settings.internal,
        listener_port=settings.listener_port,
        certificate_arn=settings.certificate_arn,
        allowed_cidr_blocks=settings.allowed_cidr_blocks,
        application_port=settings.application_port,
        health_check_path=settings.health_check_path,
        health_check_interval_seconds=settings.health_check_interval_seconds,
        healthy_threshold=settings.healthy_threshold,
        unhealthy_threshold=settings.unhealthy_threshold,
        deregistration_delay_seconds=settings.deregistration_delay_seconds,
        tags=tags,
    ),
)
fleet = Fleet(
    name,
    FleetArgs(
        ami_id=ami.id,
        root_device_name=ami.root_device_name,
        vpc_id=network.vpc_id,
        subnet_ids=network.subnet_ids,
        target_group_arn=load_balancer.target_group_arn,
        load_balancer_security_group_id=load_balancer.security_group_id,
        application_port=settings.application_port,
        instance_type=settings.instance_type,
        root_volume_gigabytes=settings.root_volume_gigabytes,
        has_detailed_monitoring=settings.detailed_monitoring,
        min_size=settings.min_size,
        max_size=settings.max_size,
        desired_capacity=settings.desired_capacity,
        target_cpu_percent=settings.target_cpu_percent,
        health_check_grace_period_seconds=settings.health_check_grace_period_seconds,
        region=settings.region,
        secrets=secrets,
        tags=tags,
    ),
)
alarms = (
    Alarms(
        name,
        AlarmsArgs(
            load_balancer_arn_suffix=load_balancer.arn_suffix,
            target_group_arn_suffix=load_balancer.target_group_arn_suffix,
            target_5xx_count=settings.target_5xx_alarm_count,
            unhealthy_hosts_count=settings.unhealthy_hosts_alarm_count
            or count_what_no_rollout_explains(settings.desired_capacity, settings.max_healthy_percentage),
            health_check_grace_period_seconds=settings.health_check_grace_period_seconds,
            p99_latency_milliseconds=settings.p99_latency_alarm_milliseconds,
            tags=tags,
        ),
    )
    if settings.alarms
    else None
)
rollout = InstanceRefresh(
    f"{name}-rollout",
    InstanceRefreshArgs(
        region=settings.region,
        auto_scaling_group_name=fleet.auto_scaling_group_name,
        launch_template_id=fleet.launch_template_id,
        launch_template_version=fleet.launch_template_version,
        ami_id=ami.id,
        min_healthy_percentage=settings.min_healthy_percentage,
        max_healthy_percentage=settings.max_healthy_percentage,
        instance_warmup_seconds=settings.instance_warmup_seconds,
        checkpoint_percentages=settings.checkpoint_percentages,
        checkpoint_delay_seconds=settings.checkpoint_delay_seconds,
        bake_time_seconds=settings.bake_time_seconds,
        alarm_names=alarms.names if alarms else (),
        skip_matching=settings.skip_matching,
        auto_rollback=settings.auto_rollback,
        standby_instances=settings.standby_instances,
        scale_in_protected_instances=settings.scale_in_protected_instances,
        on_refresh_in_progress=settings.on_refresh_in_progress,
        timeout_minutes=settings.rollout_timeout_minutes,
    ),
    opts=pulumi.ResourceOptions(depends_on=[load_balancer, fleet]),
)
smoke_test = (
    run_smoke_test(
        name,
        url=load_balancer.url,
        ami_id=ami.id,
        launch_template_version=fleet.launch_template_version,
        rollout=rollout,
        timeout_seconds=settings.smoke_test_timeout_seconds,
    )
    if settings.smoke_test
    else None
)
VerifiedMark(
    f"{name}-verified",
    VerifiedMarkArgs(
        region=settings.region,
        auto_scaling_group_name=fleet.auto_scaling_group_name,
        ami_id=ami.id,
        stack=pulumi.get_stack(),
        launch_template_version=fleet.launch_template_version,
        refresh_id=rollout.refresh_id,
        instances=rollout.instances,
    ),
    opts=pulumi.ResourceOptions(depends_on=[smoke_test] if smoke_test else [rollout]),
)

pulumi.export("url", load_balancer.url)
pulumi.export("ami_id", image.ami_id)
pulumi.export("ami_name", image.ami_name)
pulumi.export("fingerprint", image.fingerprint)
pulumi.export("git_commit", image.git_commit)
pulumi.export("image_origin", image.origin)
pulumi.export("launch_template_version", fleet.launch_template_version)
pulumi.export("auto_scaling_group", fleet.auto_scaling_group_name)
pulumi.export("rollout_status", rollout.status)
if secrets:
    # Another version shows in preview, by its id, as the reason for a rollout.
    pulumi.export("secret_versions", versions_of(secrets))
