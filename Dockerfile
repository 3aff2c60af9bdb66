# The sidecar. Build: docker build -t frontdesk .
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY middleware/frontdesk/ middleware/frontdesk/
COPY sidecar/frontdesk_sidecar/ sidecar/frontdesk_sidecar/
COPY examples/shop/ examples/shop/
RUN python -m venv /opt/frontdesk \
    && /opt/frontdesk/bin/pip install --no-cache-dir --disable-pip-version-check \
        -c constraints.txt ".[sidecar]" \
    && /opt/frontdesk/bin/python -m compileall -q /opt/frontdesk/lib

FROM python:3.13-slim
RUN groupadd --gid 10001 frontdesk \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin frontdesk \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/frontdesk \
    && install -d -o 10001 -g 10001 -m 2770 /run/frontdesk /run/frontdesk/journal
COPY --from=build /opt/frontdesk /opt/frontdesk
ENV PATH=/opt/frontdesk/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# Nothing is written anywhere else: run it with --read-only.
VOLUME ["/var/lib/frontdesk", "/run/frontdesk/journal"]
EXPOSE 8077
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('FRONTDESK_HTTP__PORT', '8077') + '/livez', timeout=2)"]
ENTRYPOINT ["frontdesk"]
CMD ["run"]
