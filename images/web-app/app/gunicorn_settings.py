"""How gunicorn serves the web app; https://docs.gunicorn.org/en/20.1.0/settings.html."""

bind = ["0.0.0.0:8080"]  # the load balancer reaches it from outside
workers = 2
worker_class = "gthread"  # a slow client holds one thread, not the whole worker
threads = 8
# An Application Load Balancer keeps idle connections for 60 s; a target that closes them earlier causes 502s.
keepalive = 75
# Shorter than the unit's TimeoutStopSec, so that gunicorn itself ends a request that never does.
graceful_timeout = 20
# Loads the app before any worker: a machine that cannot tell its image fails to start, and says why.
preload_app = True
worker_tmp_dir = "/dev/shm"  # noqa: S108 (the workers' heartbeat, which must not wait for a disk)
# The app writes one line a request itself, without query strings: they may hold secrets.
accesslog = None
errorlog = "-"
loglevel = "warning"
