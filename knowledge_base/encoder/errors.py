"""What can be wrong with a model before a first text is encoded."""

from __future__ import annotations

from core.errors import EncoderUnavailable


class BadModel(EncoderUnavailable):
    """The named model cannot be read, built or trusted; waiting will not help, `detail` says what will."""
