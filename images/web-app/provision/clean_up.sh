#!/bin/sh
# Removes what belongs to the machine that the image was built on: identity, keys, logs, histories, caches.
# Runs last: without host keys no new SSH connection can be opened.
set -eu

apt-get clean
rm -rf /var/lib/apt/lists/*

# A new machine gets its own host keys and users from cloud-init, which must believe that it never ran.
cloud-init clean --logs
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
# Empty: a new id at the next boot. "uninitialized" would also enable every disabled service again (machine-id(5)).
truncate --size 0 /etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed

# Packer removes its key by the comment in it, which it need not have (ssh_clear_authorized_keys).
find /root /home -path '*/.ssh/authorized_keys' -exec truncate --size 0 {} +

rm -rf /var/log/journal/*
find /var/log -type f -name '*.gz' -delete
find /var/log -type f -exec truncate --size 0 {} +
rm -f /root/.bash_history /root/.python_history /home/*/.bash_history /home/*/.python_history

sync
