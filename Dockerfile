# The image of the pipeline's containers, and of Beam's workers:
#   docker build -t REGISTRY/keras_dvml:0.1.0 . && docker push ...
# It installs with the script and the pins that `make test` uses. It was not
# built here, for lack of a docker daemon.
FROM python:3.11-slim

WORKDIR /keras_dvml
COPY requirements requirements
COPY pyproject.toml README.md LICENSE ./
COPY keras_dvml keras_dvml
COPY pipelines pipelines

RUN requirements/set_up /opt/venv 3.11 requirements/default.txt \
  && rm -rf .setup /root/.cache
ENV PATH=/opt/venv/bin:$PATH TF_CPP_MIN_LOG_LEVEL=2 PYTHONWARNINGS=ignore

# Kubeflow gives each container its command.
CMD ["python", "-m", "pipelines.local_runner", "--help"]
