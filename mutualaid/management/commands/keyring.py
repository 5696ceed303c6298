"""`manage.py keyring --listen HOST:PORT`: keep the keyring for the other machines of this instance."""

import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from privacy.keyring_network import KeyringServer


class Command(BaseCommand):
    help = "Answer for the keyring file of this machine; needs the instance secrets, and no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--listen", required=True, help="host:port, on a network of your own")

    def handle(self, *args: Any, **options: Any) -> None:
        host, _colon, port = options["listen"].rpartition(":")
        if not host or not port.isdigit():
            raise CommandError("Say where to listen: --listen 10.0.0.5:7300")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            server = KeyringServer(host.strip("[]"), int(port))
        except OSError as problem:
            raise CommandError(f"Cannot listen there ({problem.strerror}).") from None
        self.stdout.write(f"Keeping the keyring on {host}:{server.server_address[1]} (Ctrl-C stops it).")
        self.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
