"""Pages."""

from django.contrib.auth import aauthenticate, alogin, login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.http import require_POST
from django.views.generic import CreateView

from .forms import SignUpForm


def home(request: HttpRequest) -> HttpResponse:
    """The front page."""
    return render(request, "home.html")


def product(request: HttpRequest, name: str) -> HttpResponse:
    """A product's page."""
    return render(request, "home.html", {"name": name})


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """The customer's own page."""
    return render(request, "home.html")


class SignUpView(CreateView):
    """Registers, logs in, and goes to the front page."""

    form_class = SignUpForm
    success_url = reverse_lazy("home")
    template_name = "registration/signup.html"

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        """The form is fine: the customer is stored and logged in."""
        response: HttpResponse = super().form_valid(form)
        login(self.request, self.object)
        return response


class RegisterView(CreateView):
    """Registers, and asks to log in: as most tutorials do it."""

    form_class = SignUpForm
    success_url = reverse_lazy("login")
    template_name = "registration/signup.html"


@require_POST
async def sign_in(request: HttpRequest) -> HttpResponse:
    """An asynchronous login, for the shop's own scripts."""
    user = await aauthenticate(
        request, username=request.POST.get("username"), password=request.POST.get("password")
    )
    if user is None:
        return JsonResponse({"error": "Please check your e-mail address and password."}, status=400)
    await alogin(request, user)
    return JsonResponse({"user": {"id": user.pk, "email": user.email}})
