# What is on a machine of the web app: Debian 12, the service in app/, and nothing that belongs to one machine only.
# PackerImage gives what comes first, from ami_name to associate_public_ip_address. By hand: packer build images/web-app

packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.0, < 2.0.0"
    }
  }
}

variable "ami_name" {
  description = "Name of the AMI; AWS keeps it unique in an account and region."
  type        = string
  default     = "web-app-by-hand"
}

variable "tags" {
  description = "Tags of the AMI, its snapshot, and everything temporary that the build makes."
  type        = map(string)
  default     = {}
}

variable "region" {
  description = "Where the image is built; base-image.lock.json has a base image for it."
  type        = string
  default     = "us-east-1"
}

variable "fingerprint" {
  description = "Digest of everything that goes into the image; the service shows it."
  type        = string
  default     = "unknown"
}

variable "git_commit" {
  description = "Commit that the image was built from; the service shows it."
  type        = string
  default     = "unknown"
}

variable "package_list" {
  description = "File on this computer that the list of the installed packages goes to; it travels with the AMI."
  type        = string
  default     = "/dev/null"
}

variable "kms_key_id" {
  description = "KMS key that the image is encrypted with; when empty, the region's default, which cannot be shared."
  type        = string
  default     = ""
}

variable "vpc_id" {
  description = "VPC of the machine that the image is built on; when empty, the region's default one."
  type        = string
  default     = ""
}

variable "subnet_id" {
  description = "Subnet of that machine; when empty, one that is its zone's default."
  type        = string
  default     = ""
}

variable "associate_public_ip_address" {
  description = "Whether that machine gets a public address; when null, its subnet decides."
  type        = bool
  default     = null
}

variable "ssh_interface" {
  description = "Address that it is reached at: public_ip or private_ip; when empty, the public one where it has one."
  type        = string
  default     = ""
}

variable "instance_type" {
  description = "Type of the machine that the image is built on."
  type        = string
  default     = "t3.small"
}

variable "ssh_port" {
  description = "Port on which the machine that the image is built on is reached by SSH."
  type        = number
  default     = 22
}

variable "ssh_source_cidrs" {
  description = "Networks that may reach that machine; when empty, only the address this computer has on the internet."
  type        = list(string)
  default     = []
}

locals {
  # Debian's own AMI, pinned: `python -m image_builder lock` moves it. https://wiki.debian.org/Cloud/AmazonEC2Image/Bookworm
  # A relative path is this folder's to file(), wherever Packer is started; it is Packer's own folder to provisioners.
  base_image = jsondecode(file("base-image.lock.json")).images[var.region].x86_64
}

source "amazon-ebs" "web_app" {
  region          = var.region
  ami_name        = var.ami_name
  ami_description = "Debian 12 with the web app of fingerprint ${var.fingerprint}"
  max_retries     = 18     # waits out more than two minutes without AWS; the default, 10, less than one on average
  imds_support    = "v2.0" # machines of this AMI refuse IMDSv1, whatever launches them
  instance_type   = var.instance_type

  source_ami = local.base_image.ami_id

  vpc_id                      = var.vpc_id
  subnet_id                   = var.subnet_id
  associate_public_ip_address = var.associate_public_ip_address

  launch_block_device_mappings {
    device_name           = "/dev/xvda" # the root device of Debian's AMIs
    volume_type           = "gp3"
    volume_size           = 8
    encrypted             = true
    kms_key_id            = var.kms_key_id
    delete_on_termination = true
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # With no networks given, the plugin asks checkip.amazonaws.com for this computer's address and allows it alone.
  temporary_security_group_source_cidrs     = var.ssh_source_cidrs
  temporary_security_group_source_public_ip = length(var.ssh_source_cidrs) == 0

  ssh_username              = "admin"
  ssh_port                  = var.ssh_port
  ssh_interface             = var.ssh_interface
  ssh_timeout               = "5m"
  ssh_clear_authorized_keys = true
  temporary_key_pair_type   = "ed25519"
  shutdown_behavior         = "terminate" # a machine that powers itself off leaves nothing that costs money

  tags            = merge(var.tags, { Name = var.ami_name })
  snapshot_tags   = merge(var.tags, { Name = var.ami_name })
  run_tags        = merge(var.tags, { Name = "packer ${var.ami_name}" })
  run_volume_tags = merge(var.tags, { Name = "packer ${var.ami_name}" })
}

build {
  sources = ["source.amazon-ebs.web_app"]

  provisioner "shell" {
    script          = "${path.root}/provision/packages.sh"
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
  }

  provisioner "file" {
    source      = "${path.root}/app"
    destination = "/tmp"
  }

  provisioner "file" {
    content = jsonencode({
      fingerprint = var.fingerprint
      git_commit  = var.git_commit == "" ? "unknown" : var.git_commit # empty outside a repository
    })
    destination = "/tmp/app/image.json"
  }

  provisioner "shell" {
    script          = "${path.root}/provision/application.sh"
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
  }

  provisioner "shell" {
    script          = "${path.root}/provision/package_list.sh"
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
  }

  provisioner "file" {
    direction   = "download"
    source      = "/usr/share/image/packages.txt"
    destination = var.package_list
  }

  provisioner "shell" {
    script          = "${path.root}/provision/clean_up.sh"
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
  }
}
