"""What the rooms server refuses, each with its code, HTTP status, who is to blame and whether to retry.

RoomsServerError
├── BadToken             401  the token is missing, forged, expired or of another server
├── NotAllowed           403  the token is good but does not grant this
├── NotFound             404  no such room, participant or track
├── BadRequest           400  malformed protobuf, JSON or parameters
│   └── BadSdp                a session description nobody could answer
├── RoomFull             403  the room has its maximum of participants
├── TooManyJoins         429  the join rate of this process is used up; later is fine
└── NotImplementedHere   501  a method of the server API that this server does not have
"""

from __future__ import annotations


class RoomsServerError(Exception):
    code = "internal"
    status = 500
    blame = "server"
    retry = False


class BadToken(RoomsServerError):
    code, status, blame = "unauthenticated", 401, "client"


class NotAllowed(RoomsServerError):
    code, status, blame = "permission_denied", 403, "client"


class NotFound(RoomsServerError):
    code, status, blame = "not_found", 404, "client"


class BadRequest(RoomsServerError):
    code, status, blame = "invalid_argument", 400, "client"


class BadSdp(BadRequest):
    code = "bad_sdp"


class RoomFull(RoomsServerError):
    code, status, blame, retry = "resource_exhausted", 403, "client", True


class TooManyJoins(RoomsServerError):
    code, status, blame, retry = "resource_exhausted", 429, "server", True


class NotImplementedHere(RoomsServerError):
    code, status, blame = "unimplemented", 501, "client"
