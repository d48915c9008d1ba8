"""Local stand-ins for the platforms of WeChat and Weibo: they push, sign, repeat and count as those do.

Used by the demo's phone pages and, as the same classes, by the tests of the connectors. They exist in demo mode only.
"""
