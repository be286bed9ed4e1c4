"""The wire: HTTP on the loopback interface, with faults on demand."""

import json
import socket
import sys
import threading
import time
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from emulator.account import CRN
from emulator.damage import DAMAGES
from emulator.faults import Fault
from emulator.records import Answer, refusal
from emulator.service import API, Service

BEFORE = ("status", "drop", "restart", "hold", "page", "portal")
PORTAL = "/portal"
PAGE = Answer(
    200,
    "<!DOCTYPE html><html><head><title>Log in to this network</title></head></html>",
    "text/html",
    (("Location", PORTAL),),
)


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of clients that are gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Emulator:
    """A running service; its settings, jobs, faults and log may be touched from the test."""

    def __init__(self, service=None, port=0):
        self.service = service or Service()
        self.faults, self.log = [], []
        self.keys_shown = 0  # requests that carried the raw key where a token belongs
        self.port = port
        self._open()

    def _open(self):
        handler = type("Handler", (Handler,), {"emulator": self})
        self._server = Server(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def restart(self, seconds):
        """Close the port, keep what the service knows, and open the port again."""
        self.close()
        time.sleep(seconds)
        self._open()

    def environment(self, token="loopback-token", instance=CRN):
        """Return the variables that point the client at this service."""
        root = f"http://127.0.0.1:{self.port}"
        named = {} if instance is None else {"QISKIT_IBM_INSTANCE": instance}
        return {
            **named,
            "QISKIT_IBM_URL": root + API,
            "QISKIT_IBM_TOKEN": token,
            "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
            "IAM_URL": root,
            "GLOBAL_SEARCH_URL": root,
            "GLOBAL_CATALOG_URL": root + "/catalog",
            # Else the client reads the source of every caller's frame before each request.
            "USAGE_DATA_OPT_OUT": "True",
        }

    def take_fault(self, method, path, crn):
        with self.service.lock:
            for fault in self.faults:
                if fault.fits(method, path, crn):
                    fault.times -= 1
                    return fault
        return None

    def control(self, path, content):
        if path == "/control/faults":
            faults = content if isinstance(content, list) else [content]
            self.faults = [Fault(**fault) for fault in faults]
        elif path == "/control/settings":
            for name, value in content.items():
                setattr(self.service.settings, name, value)
            return Answer(body=asdict(self.service.settings))
        elif path == "/control/jobs":
            return Answer(body=[job.view() for job in self.service.jobs.values()])
        elif path == "/control/log":
            return Answer(body=self.log)
        elif path == "/control/restart":
            threading.Thread(target=self.restart, args=(content["seconds"],)).start()
        return Answer(body={})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    emulator: Emulator

    def log_message(self, *arguments):
        """Say nothing on stderr."""

    def handle_request(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path.startswith("/control/"):
            self.send(self.emulator.control(url.path, json.loads(body) if body else {}))
            return
        if url.path == PORTAL:
            self.send(PAGE)
            return
        if not self.headers.get("Authorization", "Bearer ").startswith("Bearer "):
            self.emulator.keys_shown += 1
        crn = self.headers.get("Service-CRN", "")
        fault = self.emulator.take_fault(self.command, url.path, crn)
        self.emulator.log.append([self.command, url.path, fault.kind if fault else ""])
        if fault is not None and fault.kind == "restart":
            threading.Thread(target=self.emulator.restart, args=(fault.seconds,)).start()
        if fault is not None and fault.kind in BEFORE:
            self.fail(fault)
            return
        if fault is not None and fault.kind == "delay":
            time.sleep(fault.seconds)
        times = 2 if fault is not None and fault.kind.startswith("twice") else 1
        for _ in range(times):
            answer = self.emulator.service.answer(
                self.command, url.path, parse_qs(url.query), body, self.headers
            )
        if fault is None or fault.kind in ("delay", "twice"):
            self.send(answer)
        else:
            self.fail(fault, answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.emulator.service.clock())

    def send(self, answer, headers=(), share=1.0):
        body = answer.body
        if not isinstance(body, str):
            body = "" if body is None or answer.status == 204 else json.dumps(body)
        data = body.encode()
        self.send_response(answer.status)
        for name, value in (*answer.headers, *headers):
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: int(share * len(data))])

    def fail(self, fault, answer=None):
        if fault.kind.startswith("status"):
            headers = [] if fault.retry_after is None else [("Retry-After", fault.retry_after)]
            self.send(refusal(fault.status, "Injected fault."), headers)
            return
        if fault.kind == "damage":
            answer.body = DAMAGES[fault.damage](answer.body)
            self.send(answer)
            return
        if fault.kind in ("page", "portal"):
            self.send(replace(PAGE, status=fault.status if fault.kind == "page" else 302))
            return
        self.close_connection = True
        if fault.kind in ("hold", "hold after"):
            self.connection.recv(1)  # returns when the client is gone
        if fault.kind == "truncate":
            self.send(answer, share=0.5)
            self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
