# aqueue in a container: the program is PID 1, runs as a user without rights, and writes nowhere but to its volume.
#     docker build -t aqueue .
# The base must have python3 from 3.11 on, with pip. Jobs are shell commands, and find what the base has: build on another
# one, or on this image, to give them more.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
COPY . /src
RUN python3 -m venv --without-pip /opt/aqueue \
    && python3 -m pip --python /opt/aqueue/bin/python install --no-cache-dir '/src[web]'

FROM ${BASE}
COPY --from=build /opt/aqueue /opt/aqueue
RUN echo 'aqueue:x:10001:10001:aqueue:/data:/bin/sh' >>/etc/passwd \
    && echo 'aqueue:x:10001:' >>/etc/group \
    && mkdir -m 0700 /data && chown 10001:10001 /data
ENV PATH=/opt/aqueue/bin:$PATH AQUEUE_DB=/data/queue.db
# By number, so that Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /data
# The folder, never the file alone: -wal, -shm and queue.db.d belong to it.
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["aqueue", "health"]
ENTRYPOINT ["aqueue"]
# Without --http: who listens elsewhere than on loopback needs a token, and there is none to begin with.
CMD ["worker"]
