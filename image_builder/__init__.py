"""Machine images as Pulumi resources: a Packer template becomes an AMI, built once per content."""

from image_builder.resource import PackerImage, PackerImageArgs

__all__ = ["PackerImage", "PackerImageArgs"]
