"""Stand-ins for the world outside, for tests."""
