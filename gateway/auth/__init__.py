"""Who is asking: log-in, sessions, API keys, visitor tokens."""
