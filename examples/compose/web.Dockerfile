# The example storefront with frontdesk in front of it, without a changed line. Your own image needs no more than
# `pip install frontdesk`, and FRONTDESK_JOURNAL.
ARG PYTHON=python:3.13-slim-bookworm
FROM ${PYTHON}
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY middleware/frontdesk/ middleware/frontdesk/
COPY sidecar/frontdesk_sidecar/ sidecar/frontdesk_sidecar/
COPY examples/shop/ examples/shop/
RUN pip install --constraint constraints.txt ".[demo]" \
    && install -d -o 10002 -g 10002 -m 0700 /srv/shop
USER 10002:10002
VOLUME ["/srv/shop"]
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s CMD ["python", "-I", "-c", \
    "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:8080/healthz', timeout=4)"]
CMD ["python", "-m", "uvicorn", "frontdesk.wrap:app", "--app-dir", "examples", "--host", "0.0.0.0", "--port", "8080", "--workers", "2"]
