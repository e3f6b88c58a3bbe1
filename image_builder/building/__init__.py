"""One build of an image, from its lock to its record: a private folder, supervised Packer, the AMI."""
