# The product in one image. `docker compose up` runs it with PostgreSQL, LiveKit server and Redis beside it.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt pyproject.toml hatch_build.py README.md LICENSE ./
RUN python -m venv /opt/attendance && /opt/attendance/bin/pip install -q --require-hashes -r constraints.txt
COPY config config
COPY media media
COPY sip sip
COPY agents agents
COPY control control
RUN PATH=/opt/attendance/bin:$PATH pip install -q --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
RUN useradd --system --create-home --home-dir /var/lib/attendance attendance
COPY --from=build /opt/attendance /opt/attendance
USER attendance
ENV ATTENDANCE_STATE=/var/lib/attendance PATH=/opt/attendance/bin:$PATH PYTHONUNBUFFERED=1
VOLUME /var/lib/attendance
EXPOSE 8080/tcp 5060/udp 5060/tcp 7880/tcp 7882/udp 20000-20999/udp
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health/ready', timeout=2)"
ENTRYPOINT ["attendance"]
CMD ["serve"]
