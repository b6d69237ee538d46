# Gradwalk as a container: CPU torch, no build tools, not root.
#   docker build -t gradwalk .
# BASE is any image with Debian's libraries and Python 3.11 or later.
# TORCH_INDEX is an index that has torch's CPU wheels (see docs/operations.md);
# without it the wheel that pip finds by itself is taken.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
ARG TORCH_INDEX=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python3 -m venv /opt/tools && python3 -m venv --without-pip /opt/gradwalk
# torch alone, so that a change of ours does not fetch it again.
COPY constraints.txt ./
RUN /opt/tools/bin/pip --python /opt/gradwalk/bin/python install -c constraints.txt \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} torch numpy
COPY . ./
RUN /opt/tools/bin/pip --python /opt/gradwalk/bin/python install -c constraints.txt \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} .

FROM ${BASE}
LABEL org.opencontainers.image.title="Gradwalk" \
      org.opencontainers.image.description="Walk the backward pass that autograd really recorded" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install -y --no-install-recommends libseccomp2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/gradwalk /opt/gradwalk
ENV PATH=/opt/gradwalk/bin:$PATH \
    HOME=/nonexistent \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADWALK_HOST=0.0.0.0 \
    GRADWALK_LOG_FORMAT=json
USER 10001:10001
WORKDIR /
EXPOSE 8000
# Ready means: the self-test of the sandbox passed and a jailed child waits.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('GRADWALK_PORT', '8000') + '/readyz', timeout=4)"]
ENTRYPOINT ["gradwalk"]
CMD ["serve"]
