"""What is stored of a person's own screens?"""

from django.conf import settings
from django.db import models
from django.utils import timezone


class PersonalSettings(models.Model):
    """How one user wants the screens to be; ``values`` as ``personal.settings`` accepts them."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="personal_settings"
    )
    values = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "personal settings"

    def __str__(self) -> str:
        return f"settings of user {self.user_id}"


class SavedView(models.Model):
    """A page with what it selects, under a name. ``account_ids``: those that its query names."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    page = models.CharField(max_length=64)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000, blank=True, default="")
    account_ids = models.JSONField(default=list)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "page", "name"), name="one_view_per_user_page_and_name"
            ),
        )

    def __str__(self) -> str:
        return f"{self.page}: {self.name}"
