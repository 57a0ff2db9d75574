"""How is the back office called, and what of Django's own does it leave out?"""

from django.contrib import admin
from django.contrib.auth.models import Group

admin.site.site_header = "ccxt-position back office"
admin.site.site_title = "ccxt-position"
admin.site.index_title = "Back office"
# Roles and key permissions say who may do what; groups would be a second answer.
admin.site.unregister(Group)
