"""The public side: a stateless proxy (RFC 3261 section 16.11) that keeps each dialog on its worker.

transports.py  UDP, TCP, TLS: flows, framing, connection limits
guard.py       bytes to a checked message; message.py the message; everything untrusted ends here
limits.py      rates per source; acl.py who may talk to us
affinity.py    branches, flow tokens, the dialogs and whose they are
proxy.py       requests; responses.py answers; rescue.py requests of our own (BYE for a dead worker)
edge.py        composition

socket -> Edge.received -> limits, acl -> guard -> Proxy.request | Responses.response -> flow or worker
"""
