"""A process that the service manager has started with sockets: says what it makes of them, as JSON.

Arguments: $LISTEN_PID ("own" for that of this process), $LISTEN_FDS, $LISTEN_FDNAMES, then the
inherited descriptors that become 3, 4 and so on.
"""

from __future__ import annotations

import json
import logging
import os
import sys

FIRST = 3


def main(pid: str, count: str, names: str, *inherited: str) -> None:
    for place, descriptor in enumerate(inherited, FIRST):
        os.dup2(int(descriptor), place, inheritable=True)
    os.environ["LISTEN_PID"] = str(os.getpid()) if pid == "own" else pid
    os.environ.update(LISTEN_FDS=count, LISTEN_FDNAMES=names)

    from lkedge.daemon.listen import inherited_sockets

    logging.basicConfig(format="%(message)s")
    found = inherited_sockets()
    answer = {
        "found": {name: [sock.fileno(), sock.getsockname()] for name, sock in found.items()},
        "inheritable": [name for name, sock in found.items() if sock.get_inheritable()],
        "closed": [
            place for place in range(FIRST, FIRST + len(inherited)) if not os.path.exists(f"/proc/self/fd/{place}")
        ],
        "environment": [name for name in os.environ if name.startswith("LISTEN_")],
        "child": os.popen("env").read().count("LISTEN_"),
    }
    print(json.dumps(answer))


main(*sys.argv[1:])
