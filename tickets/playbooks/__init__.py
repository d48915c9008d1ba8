"""How a matter of each kind is handled: steps, what must be known before it is resolved, words for each step."""
