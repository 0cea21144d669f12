"""Offers and answers: SDP in and out, two peer connections (v0) or one (v1)."""
