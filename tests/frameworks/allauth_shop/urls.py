"""Routes, as allauth's documentation includes them."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path


def page(request: HttpRequest, **_: str) -> HttpResponse:
    """Any page of the shop."""
    return render(request, "home.html")


urlpatterns = [
    path("", page, name="home"),
    path("products/<slug:name>/", page, name="product"),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
    path("admin/", admin.site.urls),
]
