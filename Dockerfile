# The sidecar's image. Build: docker build -t frontdesk .
#
# Python packages are pinned by constraints.txt, the build back-end too. The base is pinned by whoever builds, to the
# digest that was tested: --build-arg PYTHON=python:3.13-slim-bookworm@sha256:...
ARG PYTHON=python:3.13-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
# Times within the wheel, in seconds since the epoch; give the commit's for a wheel that is the same to the byte.
ARG SOURCE_DATE_EPOCH=1767225600
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# What changes seldom comes first: the layer with the dependencies is built again when constraints.txt changes.
COPY constraints.txt ./
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --constraint constraints.txt hatchling \
    && python -m venv --without-pip /opt/frontdesk
COPY pyproject.toml README.md LICENSE ./
COPY middleware/frontdesk/ middleware/frontdesk/
COPY sidecar/frontdesk_sidecar/ sidecar/frontdesk_sidecar/
COPY examples/shop/ examples/shop/
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/build/bin/pip --python /opt/frontdesk/bin/python install --no-compile \
        --constraint constraints.txt "$(echo dist/frontdesk-*.whl)[sidecar]" \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/frontdesk/lib

FROM ${PYTHON}
# Numbers, not names: Kubernetes checks runAsNonRoot by them, and volumes are given to them.
RUN groupadd --gid 10001 frontdesk \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin frontdesk \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/frontdesk \
    && install -d -o 10001 -g 10001 -m 0755 /run/frontdesk \
    && install -d -o 10001 -g 10001 -m 2770 /run/frontdesk/journal
COPY --from=build /opt/frontdesk /opt/frontdesk
ENV PATH=/opt/frontdesk/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# Nothing is written anywhere else: run it with --read-only. The journal's directory itself is no volume of the image,
# for a runtime would then cover the one that is mounted on /run/frontdesk, and web processes would write elsewhere.
VOLUME ["/var/lib/frontdesk", "/run/frontdesk"]
EXPOSE 8077
# /livez fails when the sidecar should be started anew, and not while SAP is away. Kubernetes does not look at this.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-I", "-c", \
    "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('FRONTDESK_HTTP__PORT', '8077') + '/livez', timeout=4)"]
ENTRYPOINT ["frontdesk"]
CMD ["run"]
