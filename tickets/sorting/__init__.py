"""Which category a matter belongs to: what the customer chose, words, and a model that learns from people."""
