"""The website channel: sessions of visitors and signed users, the wire form of messages and state."""
