#!/bin/sh
# Writes down which packages are installed: a line for each, its name and its version.
set -eu

architecture=$(dpkg --print-architecture)
install -d -m 0755 /usr/share/image
dpkg-query --show --showformat='${db:Status-Status} ${binary:Package} ${Version}\n' |
    sed -n "s/^installed //; T; s/^\([^ ]*\):$architecture /\1 /; p" >/usr/share/image/packages.txt
