"""What of Django's own does the back office leave out?"""

from django.contrib import admin
from django.contrib.auth.models import Group

# Roles and key permissions say who may do what; groups would be a second answer.
admin.site.unregister(Group)
