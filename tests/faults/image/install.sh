#!/bin/sh
# Installs the service and lets it start at boot.
set -eu

install -D -m 0755 /tmp/service.py /opt/service.py
cat >/etc/systemd/system/service.service <<'UNIT'
[Unit]
After=cloud-init.service

[Service]
ExecStart=/usr/bin/python3 /opt/service.py

[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --quiet service.service
