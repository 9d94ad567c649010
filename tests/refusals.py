"""How tests say what a refusal says, to the letter."""

import re


def refusal(text: str) -> str:
    """Return the pattern of this text and no other, for ``pytest.raises(..., match=)``."""
    return f"^{re.escape(text)}$"
