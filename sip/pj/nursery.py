"""Where workers are born: a process with one thread that has pjsua2 loaded, and forks.

    pool --> {"index": N, ...options} + control socket (SCM_RIGHTS) -->  fork
    pool <-- {"index": N, "pid": P}                                 <--

A fork shares the loaded library's pages, so a worker is there in a few milliseconds and costs half the memory of a
process started afresh; and nothing of the pool's own process (its loop, its sockets) leaks into it. Python's own fork
server would import the program's main module into each worker again.

``python -m sip.pj.nursery FD``. Ends with its pool (end of the socket); its workers end by their own sockets.
"""

from __future__ import annotations

import array
import gc
import json
import os
import signal
import socket
import sys
from typing import Final

from . import worker

MAX_PACKET: Final = 64 * 1024


def main(argv: list[str]) -> None:
    pool = socket.socket(fileno=int(argv[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # workers are reaped by the kernel; the pool watches them by pidfd
    gc.collect()
    gc.freeze()
    while True:
        data, ancillary, _, _ = pool.recvmsg(MAX_PACKET, socket.CMSG_LEN(4))
        if not data:
            os._exit(0)
        handed = array.array("i")
        for _, _, raw in ancillary:
            handed.frombytes(raw[:4])
        options = json.loads(data)
        pid = os.fork()
        if pid == 0:
            pool.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            worker.main(socket.socket(fileno=handed[0]), options)
            os._exit(1)
        os.close(handed[0])
        pool.send(json.dumps({"index": options["index"], "pid": pid}).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
