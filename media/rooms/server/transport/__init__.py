"""How packets reach a client: ICE-lite on one UDP port (RFC 8445 §2.5), DTLS-SRTP (RFC 5764), SCTP (RFC 8831)."""
