"""What outside watchers ask over HTTP: `/health` (200 or 503) and `/metrics`, on this machine alone."""

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session
from datahub_dagster.cli.monitor import health_value
from datahub_dagster.cli.output import plain
from datahub_dagster.cli.serve import HOST, chosen_port, wait_for_signal
from datahub_dagster.errors import ExitCode, HubError

JSON, TEXT = "application/json", "text/plain; version=0.0.4; charset=utf-8"


def serve_monitor(session: Session, port: int, max_age: timedelta) -> int:
    """Serve until Ctrl-C. Each answer is made anew from contracts and signs of life."""
    server = open_server(session, port, max_age)
    Thread(target=server.serve_forever, name="monitor", daemon=True).start()
    try:
        session.out.note(f"http://{HOST}:{server.server_address[1]}/health and /metrics; Ctrl-C ends it")
        wait_for_signal()
    finally:
        server.shutdown()
        server.server_close()
    return ExitCode.FINE


def open_server(session: Session, port: int, max_age: timedelta) -> ThreadingHTTPServer:
    """A server that answers once somebody runs it. Port 0 = any that is free.

    Raises:
        UsageError: The port is taken.
    """

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                status, kind, text = _answer(session, self.path, max_age)
            except HubError as error:
                # Whoever can't read the contracts or the signs of life can't say that all is well.
                status, kind, text = 503, JSON, json.dumps({"healthy": False, "error": error.headline})
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer((HOST, chosen_port(port or None, 9464)), Answers)
    server.daemon_threads = True
    return server


def _answer(session: Session, path: str, max_age: timedelta) -> tuple[int, str, str]:
    if path == "/health":
        health = pipeline.monitor_health(session.hub, max_age)
        return (200 if health.is_fine else 503), JSON, json.dumps(plain(health_value(health)))
    if path == "/metrics":
        return 200, TEXT, session.hub.monitor_log.metrics()
    return 404, JSON, json.dumps({"error": "there is /health and /metrics"})
