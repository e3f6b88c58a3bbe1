"""The points of a `pulumi up` at which it is killed, in the order in which it comes by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PACKER = "Packer"
IMAGE_BUILDER = "image-builder"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One moment: a call to AWS that is under way, or a line that is printed."""

    name: str
    action: str = ""
    """`ec2:RunInstances`: killed while this call waits."""
    is_served: bool = False
    """AWS has done what the call asks for, and only its answer is on the way."""
    after: int = 0
    """How many such calls of this run go through first."""
    user_agent: str = ""
    """Whose calls: a part of their user agent."""
    line: str = ""
    """Killed when this is printed; in place of an action."""
    release: Literal["new image", "image that is there"] = "new image"
    is_verified: bool = False
    """The new image is verified; elsewhere it is not, that takes a machine more for each."""
    is_machine_lost: bool = False
    """Packer and its supervisor are killed as well, as when the machine is lost."""


def _building(name: str, action: str, *, is_served: bool = False, after: int = 0) -> Point:
    return Point(name=name, action=f"ec2:{action}", is_served=is_served, after=after, user_agent=PACKER)


def _rolling(name: str, action: str, *, is_served: bool = False, after: int = 0) -> Point:
    return Point(name=name, action=action, is_served=is_served, after=after, release="image that is there")


POINTS = (
    Point(name="the engine has started", line="Updating ("),
    Point(
        name="an image of the fingerprint is looked for",
        action="ec2:DescribeImages",
        user_agent=IMAGE_BUILDER,
    ),
    Point(name="packer init runs", line="packer init"),
    _building("a key pair is made", "CreateKeyPair", is_served=True),
    _building("a security group is made", "CreateSecurityGroup", is_served=True),
    _building("the source instance is launched", "RunInstances", is_served=True),
    Point(name="a provisioner runs", line="Provisioning with shell script"),
    _building("the AMI is asked for", "CreateImage"),
    _building("the AMI is made", "CreateImage", is_served=True),
    _building("the AMI is tagged", "CreateTags"),
    _building("the source instance is terminated", "TerminateInstances"),
    Point(
        name="the build has ended and its AMI is confirmed",
        action="ec2:CreateTags",
        user_agent=IMAGE_BUILDER,
    ),
    Point(
        name="the machine that verifies an image is launched",
        action="ec2:RunInstances",
        is_served=True,
        after=1,
        user_agent=PACKER,
        is_verified=True,
    ),
    Point(
        name="the machine is lost after the source instance is launched",
        action="ec2:RunInstances",
        is_served=True,
        user_agent=PACKER,
        is_machine_lost=True,
    ),
    Point(
        name="the machine is lost after the AMI is made",
        action="ec2:CreateImage",
        is_served=True,
        user_agent=PACKER,
        is_machine_lost=True,
    ),
    _rolling("a launch template version is asked for", "ec2:CreateLaunchTemplateVersion"),
    _rolling("a launch template version is made", "ec2:CreateLaunchTemplateVersion", is_served=True),
    _rolling("the group is looked at", "autoscaling:DescribeAutoScalingGroups", after=3),
    _rolling("the refresh is asked for", "autoscaling:StartInstanceRefresh"),
    _rolling("the refresh is started", "autoscaling:StartInstanceRefresh", is_served=True),
    Point(name="a new instance is on its way", line="is Pending", release="image that is there"),
    Point(
        name="the refresh is said to be successful", line="Successful, 100 %", release="image that is there"
    ),
    Point(name="the smoke test runs", line="smoke-test creating", release="image that is there"),
    Point(
        name="what was replaced is removed from the state",
        line="deleting original",
        release="image that is there",
    ),
)
