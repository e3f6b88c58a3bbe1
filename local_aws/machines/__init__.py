"""Real machines behind the emulated EC2 instances.

base_image.py   the disk of the first machine              podman.py      the only caller of podman
base_ami.py     the AMI that stands for it                 machine.py     one machine and its thread
seed.py         what cloud-init is told                    machines.py    all of them, their addresses, images
launch.py       request + launch template + AMI, pure      addresses.py   who has which loopback address
image_backend.py moto's AMIs with disks behind them        responses.py   actions that moto lacks
ec2_backend.py  moto's EC2 with machines behind it          instances.py  an instance follows its machine
images.py       AMIs, their names and root volumes         install.py     puts all this into moto
"""

from __future__ import annotations

from local_aws.home import Home, Part


def install(home: Home) -> Part:
    """Put real machines behind moto's EC2; moto must not have made an EC2 backend yet."""
    from local_aws.machines.base_ami import base_ami_id
    from local_aws.machines.base_image import existing_base_image
    from local_aws.machines.install import install_machines

    base_image = existing_base_image()
    return install_machines(home, base_image=base_image, base_ami_id=base_ami_id(base_image))
