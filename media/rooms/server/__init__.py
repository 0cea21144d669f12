"""The embedded rooms server: what unmodified LiveKit clients take for a LiveKit server.

    process.py        composition root: settings in, one ready line out
    http.py           /rtc, /rtc/v1, validate, /twirp, /stats          twirp.py   RoomService
    access.py         tokens to grants                                 errors.py  one tree, HTTP statuses
    connection.py     one WebSocket: framing, bounded outgoing queue   signalling.py  requests to actions
    registry.py       all rooms: join, resume, limits, the pulse       room.py  participant.py
    negotiation/      SDP; dual.py two peer connections (v0), single.py one (v1)
    transport/        ICE-lite on one UDP port, DTLS, SCTP; peer.py ties them together
    router.py         RTP and RTCP of one peer, SSRC to track          forwarding.py  tracks up and down
    rtp.py rtcp.py keyframes.py                                        data.py  speakers.py  quality.py

The packet path (datagram, unprotect, rewrite, protect, sendto) is synchronous and never raises: whatever it cannot use
is dropped and counted in ``counters.py``. Nothing here blocks, and no timer runs while no room exists.
"""
