"""Answers every request with the AMI that this machine runs from."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

INSTANCE_DATA = Path("/run/cloud-init/instance-data.json")


class Handler(BaseHTTPRequestHandler):
    """/version for the smoke test, /healthz for the load balancer: both are answered alike."""

    def do_GET(self) -> None:
        meta_data = json.loads(INSTANCE_DATA.read_text())["ds"]["meta-data"]
        body = json.dumps({"ami_id": meta_data["ami-id"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
