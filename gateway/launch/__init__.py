"""Set-up and supervision: what makes the environments, and the one parent that starts everything.

`bootstrap`, `steps`, `stamps`, `pythons` and `registry` use nothing but the standard library: they run before
any environment exists.
"""
