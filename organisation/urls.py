"""The addresses of the organisation's public pages."""

from django.urls import path

from organisation import views

urlpatterns = [
    path("", views.home, name="home"),
    path("help/", views.help_out, name="help"),
    path("language/", views.language, name="language"),
]
