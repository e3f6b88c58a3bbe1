#!/bin/sh
# Installs the web app from /tmp/app and lets it start at boot, as a user of its own.
set -eu

if ! id -u web-app >/dev/null 2>&1; then
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin web-app
fi

rm -rf /opt/web-app
install -d -m 0755 /opt/web-app /etc/web-app
install -m 0644 /tmp/app/*.py /tmp/app/page.html /opt/web-app/
install -m 0644 /tmp/app/image.json /etc/web-app/image.json
install -m 0644 /tmp/app/*.service /etc/systemd/system/
rm -rf /tmp/app

# The service may write nothing, so Python could not keep the compiled files itself.
python3 -m compileall -q /opt/web-app

systemctl daemon-reload
systemctl enable --quiet web-app.service
