#!/bin/sh
# Installs the service and lets it start at boot; what belongs to this machine alone does not stay.
set -eu

install -D -m 0755 /tmp/service.py /opt/service.py
cat >/etc/systemd/system/service.service <<'UNIT'
[Unit]
After=cloud-init.service

[Service]
ExecStart=/usr/bin/python3 /opt/service.py
Restart=on-failure
RestartSec=5
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --quiet service.service

cloud-init clean --logs
rm -f /etc/ssh/ssh_host_*
truncate --size 0 /etc/machine-id
find /root /home -path '*/.ssh/authorized_keys' -exec truncate --size 0 {} +
