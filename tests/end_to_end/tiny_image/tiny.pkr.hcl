# The smallest image that the whole program rolls out: one provisioner, and a service that answers as the web app does.

packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.0, < 2.0.0"
    }
  }
}

variable "ami_name" { type = string }
variable "tags" { type = map(string) }
variable "region" { type = string }
variable "ssh_port" {
  type    = number
  default = 22
}
variable "ssh_source_cidrs" { type = list(string) }

source "amazon-ebs" "tiny" {
  region        = var.region
  ami_name      = var.ami_name
  instance_type = "t3.small"
  max_retries   = 18 # as in the web app: outages of a minute are waited out

  source_ami_filter {
    owners      = ["136693071363"]
    most_recent = true
    filters     = { name = "debian-12-amd64-*" }
  }

  temporary_security_group_source_cidrs = var.ssh_source_cidrs

  ssh_username              = "admin"
  ssh_port                  = var.ssh_port
  ssh_clear_authorized_keys = true
  temporary_key_pair_type   = "ed25519"

  tags            = var.tags
  snapshot_tags   = var.tags
  run_tags        = var.tags
  run_volume_tags = var.tags
}

build {
  sources = ["source.amazon-ebs.tiny"]

  provisioner "file" {
    source      = "${path.root}/service.py"
    destination = "/tmp/service.py"
  }

  provisioner "shell" {
    script          = "${path.root}/install.sh"
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
  }
}
