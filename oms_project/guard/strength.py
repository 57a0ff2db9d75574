"""Is a secret that an operator chose one that nobody guesses?"""

LEAST_LENGTH = 32
LEAST_CHARACTERS = 8
LEAST_TOKEN_LENGTH = 16


def weakness(secret: str, *, least: int = LEAST_LENGTH) -> str:
    """What is wrong with it, in words that say nothing of the secret; empty where nothing is."""
    if len(secret) < least:
        return f"is shorter than {least} characters"
    if len(set(secret)) < LEAST_CHARACTERS:
        return f"has fewer than {LEAST_CHARACTERS} different characters"
    return ""
