"""Everything that exists in demo mode only: its history, its customers, its platforms, and how to remove it all."""
