"""Puts the machines behind moto's EC2."""

from __future__ import annotations

from typing import Any

import moto.ec2.models.amis
import moto.ec2.models.instances
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response

from local_aws.home import Home
from local_aws.machines.ec2_backend import LocalEC2Backend
from local_aws.machines.images import LocalAmi
from local_aws.machines.instances import LocalInstance
from local_aws.machines.machines import Machines


def install_machines(home: Home, *, base_image: str, base_ami_id: str) -> Machines:
    """Make moto use real machines; call it before any EC2 backend exists."""
    machines = Machines(home, base_image=base_image, base_ami_id=base_ami_id)
    LocalEC2Backend.machines = machines
    # moto makes its objects by these module names, and its backends by the class that this dictionary names.
    moto.ec2.models.amis.Ami = LocalAmi
    moto.ec2.models.instances.Instance = LocalInstance
    ec2_backends.backend = LocalEC2Backend
    EC2Response.get_console_output = _get_console_output
    return machines


def _get_console_output(response: Any) -> ActionResult:
    instance_id = response._get_param("InstanceId")
    output = response.ec2_backend.console_output(instance_id)
    return ActionResult(
        {
            "InstanceId": instance_id,
            "Timestamp": utcnow(),
            "Output": Base64EncodedString.from_raw_string(output),
        }
    )
