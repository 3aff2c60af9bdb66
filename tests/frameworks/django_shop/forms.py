"""Forms."""

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import UserCreationForm

_OWN = [name for name in ("phone", "birth_date") if hasattr(get_user_model(), name)]


class SignUpForm(UserCreationForm):
    """The documented form, with the fields that a shop asks for besides."""

    email = forms.EmailField()

    class Meta(UserCreationForm.Meta):
        model = get_user_model()
        fields = tuple(
            dict.fromkeys((model.USERNAME_FIELD, "email", "first_name", "last_name", *_OWN))
        )
