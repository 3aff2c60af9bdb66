"""Routes: `django.contrib.auth.urls` below `/accounts/`, as its documentation includes them."""

from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("products/<slug:name>/", views.product, name="product"),
    path("accounts/signup/", views.SignUpView.as_view(), name="signup"),
    path("accounts/register/", views.RegisterView.as_view(), name="register"),
    path("accounts/signin/", views.sign_in, name="signin"),
    path("accounts/profile/", views.profile, name="profile"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]
