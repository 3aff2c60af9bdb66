"""Forms."""

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest


class SignUpForm(forms.Form):
    """What the shop asks for besides; allauth adds its own fields."""

    first_name = forms.CharField(max_length=30, required=False)
    last_name = forms.CharField(max_length=30, required=False)

    def signup(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """allauth's adapter has stored the names already."""
