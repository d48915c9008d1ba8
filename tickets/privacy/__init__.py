"""Least privilege: who may open which ticket, what is shown of a person for how long, and what everybody accepted."""
