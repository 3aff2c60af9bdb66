"""The Django app: one entry in INSTALLED_APPS, and every login and registration is captured.

    INSTALLED_APPS = [..., "frontdesk.contrib.django"]

It listens to Django's `user_logged_in`, and to allauth's `user_signed_up` where allauth is
installed, so no route, form or answer has to be known: whatever calls `login()` or `alogin()` is
seen, under WSGI and ASGI, with or without the middleware. No model, no migration, nothing in
Django's settings: `FRONTDESK_CONFIG` and `FRONTDESK_JOURNAL` say it all (a journal given to
`CaptureMiddleware` in code is not known here), and `manage.py check` tells what is wrong with them
(`frontdesk.E001`). Of `[capture]`, `consent`, `drop` and `hash` hold; rules are the middleware's.

The message is written when the login is: at once, or on commit of the transaction that it is part
of (ATOMIC_REQUESTS); in any case before the answer leaves. A login costs some 30 microseconds and
no query.

`Signed Up` is what allauth says it is. Without allauth it is a login within a minute of the user's
`date_joined`, if it is the first by `last_login`; any other is `Logged In`.

Traits are what the user model stores in columns of its own: the address by `EMAIL_FIELD`, or
`USERNAME_FIELD` if it holds one, the primary key as user id, and columns with a usual spelling of
a Segment trait (`first_name`, `phone`, `birth_date`, ...). No property is run.

Beside the middleware, one message is written. What Django's LoginView, allauth and Oscar answer is
told by the signals alone, since their answers can look like a login that was none.

Not captured: logins into the admin site, Wagtail's or Oscar's dashboard, and staff who log in as
somebody else with django-hijack or django-loginas; a login in a transaction that is rolled back;
`Client.force_login` of tests. What has no session, such as a JWT alone, gives no signal: that is
the middleware's, as is a page that registers and does not log in.
"""
