# The fake Wiro as a container: one process, no root, nothing written but under /tmp.
#
#   docker build -t wiro-mock .
#   docker run --rm -p 4747:4747 --read-only --tmpfs /tmp -e WIRO_MOCK_TIME=auto wiro-mock
#
# Every option of `wiro-mock serve` can be given as an argument or as a variable; wiro_mock/commands/container.md tells more.

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY scenarios scenarios
COPY wiro_mock wiro_mock
# Modules are compiled here, since the server may write nothing; by their contents, since layers change their dates.
# pip goes: who runs the server installs nothing.
RUN python3 -m venv /opt/wiro-mock \
    && /opt/wiro-mock/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check '.[fast,metrics,tls]' \
    && /opt/wiro-mock/bin/pip uninstall --yes --quiet pip \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/wiro-mock/lib

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="wiro-mock" \
      org.opencontainers.image.description="The Wiro AI API that you test against" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/wiro-mock /opt/wiro-mock
# No HOME: this user has none, and an arbitrary one is as good (--user, OpenShift).
ENV PATH=/opt/wiro-mock/bin:$PATH \
    LC_ALL=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /tmp
EXPOSE 4747
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=10s --retries=3 CMD ["wiro-mock", "ready"]
ENTRYPOINT ["wiro-mock"]
CMD ["serve", "--host", "0.0.0.0"]
