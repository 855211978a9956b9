"""Two demonstration sites, one in Flask and one in Django, with the same live apps in their pages."""
