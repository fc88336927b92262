"""Fetch a file by paramiko's own get(): HOST PORT USER KEY_FILE PATH OUT."""

from __future__ import annotations

import json
import resource
import sys
import time

import paramiko


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(host: str, port: str, user: str, key_file: str, path: str, out: str) -> None:
    begun, used = time.perf_counter(), cpu()
    transport = paramiko.Transport((host, int(port)))
    transport.connect(username=user, pkey=paramiko.Ed25519Key.from_private_key_file(key_file))
    client = paramiko.SFTPClient.from_transport(transport)
    assert client is not None
    client.get(path, out)
    transport.close()
    print(json.dumps({"cpu": cpu() - used, "wall": time.perf_counter() - begun}))


if __name__ == "__main__":
    main(*sys.argv[1:])
