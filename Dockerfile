# The steps of the README in an image: the same Makefile, nothing else to learn.
#
#   docker build -t aifashion .                           CPU
#   docker build -t aifashion:gpu --target gpu .          NVIDIA; the host needs its driver and the
#                                                         NVIDIA container toolkit, and no CUDA
#   docker run --rm aifashion                             make quickstart
#   docker run --rm --gpus all aifashion:gpu python train.py --help
#
# To keep what is written, and to bring data, as yourself:
#
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/data:/aifashion/data" \
#       -v "$PWD/trained_models:/aifashion/trained_models" aifashion python train.py

FROM python:3.12-slim AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /aifashion
# Named one by one: a .venv or data of the host must not come along.
COPY Makefile setup.cfg pyproject.toml constraints.txt README.md LICENSE train.py test.py demo.py ./
COPY aifashion aifashion
COPY pipelines pipelines
COPY tests tests
# Anyone may write here, and only here, so that --user works.
RUN mkdir -p data trained_models submission && chmod a+rwx data trained_models submission
ENV HOME=/tmp \
    PATH=/aifashion/.venv/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
CMD ["make", "quickstart"]

FROM base AS gpu
# Stays set, since the Makefile takes another choice of extras for another installation.
ENV EXTRAS=gpu,dev \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN make install PYTHON=python3
USER 1000:1000

# The last one is what `docker build .` makes.
FROM base AS cpu
RUN make install PYTHON=python3
USER 1000:1000
