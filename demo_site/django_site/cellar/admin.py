"""Staff add, change and delete tanks here. Every open dashboard follows."""

from django.contrib import admin

from .models import Tank

admin.site.site_title = admin.site.site_header = "Live in Django: the office"
admin.site.index_title = "Tables"


@admin.register(Tank)
class TankAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # At run time it takes no parameter.
    """The table of tanks."""

    list_display = ("name", "beer", "stage", "litres", "capacity", "temperature")
    list_filter = ("stage",)
    search_fields = ("name", "beer")
