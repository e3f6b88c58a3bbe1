#!/bin/sh
# Installs Debian's security updates and the packages that the web app needs.
set -eu

export DEBIAN_FRONTEND=noninteractive
export NEEDRESTART_SUSPEND=1

apt() {
    # Translated descriptions are never shown here, and are 40 % of what an update downloads.
    apt-get -qq --yes -o Acquire::Retries=5 -o Acquire::Languages=none -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
}

# At its first boot cloud-init writes apt's sources.
cloud-init status --wait >/dev/null || {
    echo "cloud-init did not finish; its own words follow" >&2
    cloud-init status --long >&2
    exit 1
}

# A machine is replaced, never patched in place: nothing may change it after the build.
systemctl disable --now --quiet apt-daily.timer apt-daily-upgrade.timer
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer
# What they have started already holds the lock of apt's lists, which DPkg::Lock::Timeout does not wait for.
systemctl stop --quiet apt-daily.service apt-daily-upgrade.service

# Nothing listens but what serves: systemd-resolved answers its neighbours' questions for names otherwise.
install -d -m 0755 /etc/systemd/resolved.conf.d
printf '[Resolve]\nLLMNR=no\nMulticastDNS=no\n' >/etc/systemd/resolved.conf.d/90-image.conf

apt update
apt upgrade --with-new-pkgs # a new kernel is a new package
apt install --no-install-recommends gunicorn python3-boto3

# Only now are there apt's lists to tell: clean_up.sh removes them, and the checks of the image ask.
install -d -m 0755 /usr/share/image
apt --simulate upgrade --with-new-pkgs >/tmp/upgrade.txt
sed -n 's/^Inst //p' /tmp/upgrade.txt >/usr/share/image/pending-upgrades.txt
rm /tmp/upgrade.txt
