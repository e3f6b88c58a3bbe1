"""Settings that are well by themselves: which of them cannot hold together, and which do what few expect."""

from __future__ import annotations

import re

from settings.remedies import remedy, remedy_of
from settings.stack import LISTS, READERS, StackSettings

MOST_SECRETS = 20
X86_IMAGE = "images/web-app"
"""The folder whose base-image.lock.json has x86_64 images only; a folder of one's own may have others."""
ARM64_TYPE = r"(a1|[a-z]+\d+[a-z-]*g[a-z0-9-]*)\..+"
"""AWS's own processors have a g after the generation (EC2 instance types, "Naming conventions")."""


def find_contradictions(settings: StackSettings, stack: str) -> list[str]:
    """Settings that are well by themselves and cannot hold together."""
    return [
        *_find_repeated(settings, stack),
        *_find_contradictions_of_capacity(settings, stack),
        *_find_contradictions_of_images(settings, stack),
        *_find_contradictions_of_the_rollout(settings, stack),
        *_find_contradictions_of_secrets(settings, stack),
        *_find_contradictions_of_the_network(settings, stack),
        *_find_contradictions_of_the_listener(settings, stack),
    ]


def _find_repeated(settings: StackSettings, stack: str) -> list[str]:
    """Lists that name something twice: AWS would refuse it, or it was meant to be something else."""
    problems = []
    for key in sorted(LISTS - {"checkpointPercentages"}):
        items = getattr(settings, READERS[key][0])
        problems += [
            f"{key} has {item} {items.count(item)} times · each once was expected · "
            f"pulumi config rm --path '{key}[{len(items) - 1 - items[::-1].index(item)}]' --stack {stack}"
            for item in dict.fromkeys(items)
            if items.count(item) > 1
        ]
    return problems


def _find_contradictions_of_capacity(settings: StackSettings, stack: str) -> list[str]:
    """Sizes that AWS would refuse, or with which a rollout cannot end well."""
    problems = []
    if settings.min_size > settings.max_size:
        problems.append(
            f"minSize is {settings.min_size} and maxSize {settings.max_size} · a minSize up to maxSize was "
            f"expected · {remedy('maxSize', settings.min_size, stack)}"
        )
    elif not settings.min_size <= settings.desired_capacity <= settings.max_size:
        problems.append(
            f"desiredCapacity is {settings.desired_capacity} · one from minSize {settings.min_size} to "
            f"maxSize {settings.max_size} was expected · "
            f"{remedy('desiredCapacity', settings.min_size, stack)}"
        )
    if settings.image_folder.strip("./") == X86_IMAGE and re.fullmatch(ARM64_TYPE, settings.instance_type):
        problems.append(
            f"instanceType is {settings.instance_type}, which is arm64 · a type that is x86_64 was expected, "
            f"as the image in {X86_IMAGE} is · {remedy('instanceType', 't3.small', stack)}"
        )
    if settings.desired_capacity == 0 and settings.smoke_test:
        problems.append(
            "desiredCapacity is 0 with smokeTest on · a machine that can answer it was expected · "
            f"{remedy('smokeTest', 'false', stack)}"
        )
    # RefreshPreferences, Auto Scaling API reference.
    if settings.max_healthy_percentage - settings.min_healthy_percentage > 100:
        problems.append(
            f"maxHealthyPercentage is {settings.max_healthy_percentage} with a minHealthyPercentage of "
            f"{settings.min_healthy_percentage} · a difference up to 100 was expected · "
            f"{remedy('maxHealthyPercentage', settings.min_healthy_percentage + 100, stack)}"
        )
    return problems


def _find_contradictions_of_images(settings: StackSettings, stack: str) -> list[str]:
    """Images that are to come from, or go to, where they cannot."""
    problems = [
        f"{key} is {other}, this stack itself · another stack was expected · "
        f"pulumi config rm {key} --stack {stack}"
        for key, other in (
            ("promoteFrom", settings.promote_from),
            ("requireVerifiedIn", settings.require_verified_in),
        )
        if other == stack
    ]
    if settings.region in settings.copy_to_regions:
        problems.append(
            f"copyToRegions has {settings.region}, where the image is anyway · other regions were expected · "
            f"{remedy_of('copyToRegions', stack)}"
        )
    if "self" not in settings.image_owners:
        problems.append(
            f"imageOwners is {', '.join(settings.image_owners) or 'empty'} · self was expected too, as "
            f"this account's own images are · pulumi config set --path 'imageOwners[0]' self --stack {stack}"
        )
    return problems


def _find_contradictions_of_the_network(settings: StackSettings, stack: str) -> list[str]:
    """A VPC without subnets, subnets without a VPC, and too few of them."""
    problems = []
    if settings.vpc_id and not settings.subnet_ids:
        problems.append(
            f"vpcId is {settings.vpc_id} without subnetIds · subnets of that VPC, in two zones or more, were "
            f"expected · pulumi config set --path 'subnetIds[0]' subnet-... --stack {stack}"
        )
    if settings.subnet_ids and not settings.vpc_id:
        problems.append(
            f"subnetIds is {', '.join(settings.subnet_ids)} without vpcId · the VPC of these subnets was "
            f"expected · {remedy('vpcId', 'vpc-...', stack)}"
        )
    # CreateLoadBalancer, Subnets: "You must specify subnets from at least two Availability Zones."
    if len(set(settings.subnet_ids)) == 1:
        problems.append(
            f"subnetIds is {settings.subnet_ids[0]} alone · two or more, in different zones, were expected · "
            f"pulumi config set --path 'subnetIds[1]' subnet-... --stack {stack}"
        )
    return problems


def _find_contradictions_of_the_listener(settings: StackSettings, stack: str) -> list[str]:
    """A port that says another protocol than the certificate, and a certificate that is elsewhere."""
    problems = []
    if settings.certificate_arn and settings.listener_port == 80:
        problems.append(
            "listenerPort is 80 with a certificateArn · another port was expected, as this one is for HTTP · "
            f"{remedy('listenerPort', 443, stack)}"
        )
    if settings.listener_port == 443 and not settings.certificate_arn:
        problems.append(
            "listenerPort is 443 without a certificateArn · a certificate was expected, as this port is for "
            f"HTTPS · {remedy('certificateArn', 'arn:aws:acm:...', stack)}"
        )
    # IAM's certificates are of no region.
    region = settings.certificate_arn.split(":")[3] if settings.certificate_arn else ""
    if region not in ("", settings.region):
        problems.append(
            f"certificateArn is {settings.certificate_arn} · a certificate in {settings.region}, where the "
            f"load balancer is, was expected · {remedy('certificateArn', 'arn:aws:acm:...', stack)}"
        )
    return problems


def _find_contradictions_of_the_rollout(settings: StackSettings, stack: str) -> list[str]:
    """The pauses of a rollout that AWS would refuse, or end early at, or that outlast its deadline."""
    problems = []
    percentages = settings.checkpoint_percentages
    shown = ", ".join(map(str, percentages))
    if list(percentages) != sorted(set(percentages)):
        problems.append(
            f"checkpointPercentages is {shown} · an ascending list was expected · "
            f"{remedy_of('checkpointPercentages', stack)}"
        )
    elif percentages and percentages[-1] != 100:
        # "Add checkpoints to an instance refresh", Auto Scaling user guide.
        problems.append(
            f"checkpointPercentages is {shown} · 100 was expected as the last one, as AWS ends there · "
            f"pulumi config set --path 'checkpointPercentages[{len(percentages)}]' 100 --stack {stack}"
        )
    if settings.checkpoint_delay_seconds is not None and not percentages:
        problems.append(
            f"checkpointDelaySeconds is {settings.checkpoint_delay_seconds} without checkpointPercentages · "
            f"some were expected · pulumi config rm checkpointDelaySeconds --stack {stack}"
        )
    # AWS waits for an hour where no delay is given (RefreshPreferences, Auto Scaling API reference).
    delay = 3600 if settings.checkpoint_delay_seconds is None else settings.checkpoint_delay_seconds
    seconds = max(0, len(percentages) - 1) * delay + settings.bake_time_seconds
    minutes = (seconds + settings.instance_warmup_seconds) // 60 + 1
    if settings.rollout_timeout_minutes < minutes:
        problems.append(
            f"rolloutTimeoutMinutes is {settings.rollout_timeout_minutes} · {minutes} or more were expected, "
            "as the pauses at checkpoints, the bake time and one warm-up take that long · "
            f"{remedy('rolloutTimeoutMinutes', minutes, stack)}"
        )
    return problems


def _find_contradictions_of_secrets(settings: StackSettings, stack: str) -> list[str]:
    """Secrets that machines here would look for in another region, or that are too many."""
    names = settings.secret_names
    problems = []
    for index, name in enumerate(names):
        if name.startswith("arn:") and name.split(":")[3] != settings.region:
            problems.append(
                f"secretNames has {name} · a secret in {settings.region}, where the machines are, was "
                "expected · replicate it there, then "
                f"pulumi config set --path 'secretNames[{index}]' VALUE --stack {stack}"
            )
    # More would not fit into user data, 16 KB (EC2 user guide, "Run commands when you launch an instance").
    if len(names) > MOST_SECRETS:
        problems.append(
            f"secretNames has {len(names)} names · up to {MOST_SECRETS} were expected, as user data has room "
            "for no more · put values that belong together into one secret, as JSON · "
            f"{remedy_of('secretNames', stack)}"
        )
    return problems


def find_doubts(settings: StackSettings) -> list[str]:
    """Settings that AWS takes, and that do something else than they seem to say."""
    doubts = []
    desired, most = settings.desired_capacity, settings.max_healthy_percentage
    stays = -(-desired * settings.min_healthy_percentage // 100)
    # The first whole percentage in which an extra instance fits.
    enough = 100 + -(-100 // max(1, desired))
    if stays < desired:
        doubts.append(
            f"minHealthyPercentage {settings.min_healthy_percentage} with maxHealthyPercentage {most}: a "
            f"rollout may terminate instances before others serve, {stays} of {desired} serve meanwhile; "
            f"100 and {max(most, enough)} launch first"
        )
    elif desired > 0 and desired * most // 100 == desired:
        # RefreshPreferences.MaxHealthyPercentage, Auto Scaling API reference.
        doubts.append(
            f"maxHealthyPercentage {most} leaves no room for an extra instance beside {desired}: a rollout "
            f"exceeds it by one instance; {enough} says so openly"
        )
    if settings.allow_unverified_pin:
        doubts.append(
            f"allowUnverifiedPin is on: any image of the family may be pinned, whether it succeeded in "
            f"{settings.require_verified_in or 'another stack'} or not; remove it once the emergency is over"
        )
    if settings.allowed_cidr_blocks == ():
        doubts.append("allowedCidrBlocks is empty: nobody can reach the load balancer")
    return doubts
