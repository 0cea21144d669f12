"""SIP: telephone calls in and out, behind one public address.

    events.py    what the gateway tells control and what control commands it: frozen values, to and from plain dicts
    types.py     neutral values (where a message came from, what a call is)
    errors.py    the folder's error tree
    states.py    the life of one call as a table
    stack.py     the protocol a SIP stack fulfils towards its owner; loopback.py is the one in memory
    numbers.py   E.164 from what people and trunks write; trunks.py whose call it is
    edge/        the public side: parse guard, UDP/TCP/TLS, stateless proxy (RFC 3261 section 16), limits, access lists
    pj/          everything of pjsua2: the call worker and the softphone, each a process of its own
    pool.py      the worker processes; gateway.py edge + pool + calls as one stack; process.py composes the process
    phone.py     a scriptable SIP phone (real SIP and RTP) for the demo, tests and benchmarks

    INVITE -> edge -> worker (forked, pjsua2) -- incoming --> gateway -> control
                        | PCM 16 kHz, AF_UNIX                      answer{media_socket}
                        +-----> media process

Nothing heavy is loaded here: ``import sip`` loads neither pjsua2 nor sipmessage.
"""
