"""Puts the machines behind moto's EC2."""

from __future__ import annotations

import moto.ec2.models.amis
import moto.ec2.models.instances
import moto.ec2.models.launch_templates
from moto.ec2.models import ec2_backends

from local_aws.machines.ec2_backend import LocalEC2Backend
from local_aws.machines.images import LocalAmi
from local_aws.machines.instances import LocalInstance
from local_aws.machines.launch_templates import LocalLaunchTemplate
from local_aws.machines.machines import Machines
from local_aws.machines.responses import put_actions_on_moto


def install_machines(machines: Machines) -> Machines:
    """Make moto use *machines*; call it before any EC2 backend exists."""
    LocalEC2Backend.machines = machines
    # moto makes its objects by these module names, and its backends by the class that this dictionary names.
    setattr(moto.ec2.models.amis, "Ami", LocalAmi)  # noqa: B010
    setattr(moto.ec2.models.instances, "Instance", LocalInstance)  # noqa: B010
    setattr(moto.ec2.models.launch_templates, "LaunchTemplate", LocalLaunchTemplate)  # noqa: B010
    ec2_backends.backend = LocalEC2Backend
    put_actions_on_moto()
    return machines
