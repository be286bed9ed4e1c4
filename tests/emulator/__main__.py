"""Run the service until the process ends; prints the client's environment."""

import argparse
import signal

from emulator.records import Settings
from emulator.server import Emulator
from emulator.service import Service

parser = argparse.ArgumentParser(prog="emulator")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--backend", action="append", help="name among the client's fake backends")
parser.add_argument("--qubits", type=int, help="keep only the first qubits")
parser.add_argument("--plan", default="open")
arguments = parser.parse_args()
service = Service(arguments.backend or ("boston",), arguments.qubits, Settings(plan=arguments.plan))
for name, value in Emulator(service, arguments.port).environment().items():
    print(f"export {name}={value}", flush=True)
signal.pause()
