"""Why was it done?"""

from accounts.words import LONGEST_COMMENT
from oms_project.errors import Invalid


def require_comment(comment: str) -> str:
    """The comment without white space around it.

    Raises:
        Invalid: there is none, or it is too long.
    """
    stripped = comment.strip()
    if not stripped:
        raise Invalid("The risk desk gives a comment.", field="comment", limit="required")
    if len(stripped) > LONGEST_COMMENT:
        raise Invalid(
            "The comment is too long.",
            field="comment",
            limit=LONGEST_COMMENT,
            value=len(stripped),
        )
    return stripped
