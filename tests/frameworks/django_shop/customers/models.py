"""A user model with the address as the name to log in with, where the shop asks for it."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

if settings.AUTH_USER_MODEL == "customers.Customer":

    class CustomerManager(UserManager):
        """Creates customers, who have no username."""

        def create_superuser(self, email: str, password: str, **fields: Any) -> "Customer":
            """Somebody for the admin site."""
            customer: Customer = self.model(email=self.normalize_email(email), **fields)
            customer.is_staff = customer.is_superuser = True
            customer.set_password(password)
            customer.save(using=self._db)
            return customer

    class Customer(AbstractUser):
        """A customer."""

        username = None
        email = models.EmailField("email address", unique=True)
        phone = models.CharField(max_length=30, blank=True)
        birth_date = models.DateField(null=True, blank=True)

        USERNAME_FIELD = "email"
        REQUIRED_FIELDS: ClassVar[list[str]] = []

        objects = CustomerManager()
