"""pjsua2, and nothing of it anywhere else: the call worker and the softphone, each the only tenant of its process.

    loop.py        the one thread that may call pjsua2, and how commands reach it
    endpoint.py    the library's start: null device, 16 kHz clock, loopback UDP, codecs
    audio_port.py  20 ms frames out of and into the conference bridge
    call.py        one call of a worker; account.py where calls arrive
    worker.py      a call worker's process; phone.py the softphone's process

Importing this package loads nothing; its modules load pjsua2.
"""
