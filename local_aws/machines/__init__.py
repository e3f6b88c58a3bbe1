"""Real machines behind the emulated EC2 instances.

podman.py         the only caller of podman             flags.py          what podman needs on this computer
recipe.py         what goes into the first disk         base_image.py     makes it
base_ami.py       the AMI that stands for it            seed.py           what cloud-init is told
machine.py        one machine and its thread            machines.py       all of them, their addresses, images
mailbox.py        what a machine is asked to do         first_process.py  notices that it ended
addresses.py      who has which loopback address        ports.py          what is published there
launch.py         request + launch template + AMI       instances.py      an instance follows its machine
images.py         an AMI, its name and root volume      responses.py      actions that moto lacks
image_backend.py  moto's AMIs with disks                ec2_backend.py    moto's instances with machines
install.py        puts all this into moto
"""

from __future__ import annotations

from local_aws.home import Home, Part

# The name of what an AMI without a disk is made of.
NO_BASE_IMAGE = "none"


def install(home: Home) -> Part:
    """Put real machines behind moto's EC2; moto must not have made an EC2 backend yet."""
    from local_aws.machines.base_ami import own_base_ami
    from local_aws.machines.base_image import existing_base_image
    from local_aws.machines.install import install_machines
    from local_aws.machines.machines import Machines
    from local_aws.records.machines import Records

    has_machines = home.machines == "podman"
    base_image = existing_base_image() if has_machines else NO_BASE_IMAGE
    kind = Machines if has_machines else Records
    return install_machines(kind(home, base_image=base_image, base_ami_id=own_base_ami().ami_id))
