# syntax=docker/dockerfile:1
# One image for every service of docker-compose.yml that is ours. It holds the repository at /opt/lienthong, laid out
# as in Git, and no secret: those come from the environment when a container starts.
ARG PYTHON=python:3.12.12-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /opt/lienthong
COPY requirements-uv.txt requirements.txt ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-uv.txt \
    && /opt/venv/bin/uv pip install --python /opt/venv --no-cache --no-deps --require-hashes -r requirements.txt
# The package after its dependencies, so that a change of our code does not install them again. Its build tool is in
# the lock: nothing without a hash is fetched.
COPY pyproject.toml README.md LICENSE ./
COPY include ./include
RUN /opt/venv/bin/uv pip install --python /opt/venv --no-cache --no-deps --no-build-isolation --editable .

FROM ${PYTHON}
# Airflow's own image uses the same number, so that folders shared with one are owned alike.
RUN useradd --uid 50000 --gid 0 --home-dir /opt/airflow --create-home airflow \
    && mkdir -p /opt/airflow/logs /opt/airflow/accounts /opt/lienthong/var \
    && chown -R airflow:root /opt/airflow /opt/lienthong/var
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/lienthong /opt/lienthong
WORKDIR /opt/lienthong
COPY dags ./dags
COPY plugins ./plugins
COPY sql ./sql
COPY expectations ./expectations
COPY docker ./docker
ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    LIENTHONG_HOME=/opt/lienthong \
    LIENTHONG_VAR=/opt/lienthong/var
USER airflow
CMD ["lienthong", "status"]
