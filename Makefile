# make demo                             the pipeline on the demo's characters
# make demo IMAGES=folder               on your images, a sub-folder per class
# make demo IMAGES=folder LABELS=none   on images without labels
# make demo ARGS="--help"               the pipeline's other arguments
# make test                             the fast tests, in minutes
# make test-keras2                      those that need Keras, on Keras 2
# make test-all                         all tests in both, in an hour
# make lint                             the linters and the type checker
# make docs                             the documentation, in build/site
# make picture                          the demo's report as a picture for docs
# make bench                            speed beside peers and floors
# make bench ARGS="--quick"             a trial of that, in a few minutes
# make accuracy                         retrieval of unseen classes, five seeds
# make accuracy-real                    the demo on emoji (node, npm), an hour
# make results                          these into benchmarks/RESULTS.md
# make lock                             renews the pinned requirements
# make clean                            removes the environments and build/

PYTEST := python -m pytest
QUIET := TF_CPP_MIN_LOG_LEVEL=3 PYTHONWARNINGS=ignore

.PHONY: help demo test test-keras2 test-all lint docs picture bench accuracy \
  accuracy-real results lock clean

# The first target: `make` alone prints the list above.
help:
	@sed -n 's/^# make /make /p' $(firstword $(MAKEFILE_LIST))

ifeq ($(LABELS),none)
method := udml
else ifeq ($(LABELS),)
method := dvml
else
$(error LABELS must be none, or not be given; received LABELS=$(LABELS))
endif

ifeq ($(origin IMAGES),undefined)
demo_arguments = --config glyphs_$(method)
else
# The shell, not make, reads the folder's name: it may hold quotes and dollars.
export IMAGES
demo_arguments = --config folder_$(method) --images "$$IMAGES"
endif

demo: .venv/.ready
	@$(QUIET) .venv/bin/python -m pipelines.local_runner $(demo_arguments) \
	  $(ARGS)

test: .venv/.ready
	.venv/bin/$(PYTEST)

test-keras2: .venv-keras2/.ready
	.venv-keras2/bin/$(PYTEST)

test-all: .venv/.ready .venv-keras2/.ready .venv-peers/.ready
	.venv/bin/$(PYTEST) -m ""
	.venv-keras2/bin/$(PYTEST) -m ""

lint: .venv/.ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/basedpyright

# The two clients have no output without a server.
NOTEBOOKS := $(filter-out %_over_rest.py %_over_grpc.py,\
  $(sort $(wildcard examples/*.py)))

# Runs only those notebooks whose sources have changed.
docs: .venv/.ready
	@$(QUIET) .venv/bin/python docs/make_notebooks.py $(NOTEBOOKS)
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

picture: .venv/.ready
	@.venv/bin/python docs/picture_of_report.py \
	  $(or $(ARGS),runs/glyphs/report.html)

bench: .venv/.ready .venv-keras2/.ready .venv-peers/.ready
	@$(QUIET) .venv/bin/python benchmarks/bench.py $(ARGS)

accuracy: .venv/.ready runs/dvml_divergence.md
	@$(QUIET) .venv/bin/python benchmarks/accuracy_glyphs.py $(ARGS)

accuracy-real: .venv/.ready
	@$(QUIET) .venv/bin/python benchmarks/real_images.py $(ARGS)

runs/dvml_divergence.md: | .venv/.ready
	@$(QUIET) .venv/bin/python benchmarks/dvml_divergence.py

results: .venv/.ready
	@.venv/bin/python benchmarks/results.py

.venv/.ready: requirements/default.txt requirements/default.pth \
  requirements/set_up pyproject.toml
	@requirements/set_up .venv 3.11 requirements/default.txt

.venv-keras2/.ready: requirements/keras2.txt requirements/set_up pyproject.toml
	@requirements/set_up .venv-keras2 3.10 requirements/keras2.txt

# PyPI's torch for Linux brings CUDA: gigabytes. The one without is in pip's
# folder of wheels, where there is such, or where uv knows it to be.
WHEELS := $(foreach folder,$(PIP_FIND_LINKS),\
  $(if $(wildcard $(folder)/torch-*+cpu-*),$(folder)))
TORCH := $(if $(strip $(WHEELS)),UV_FIND_LINKS=$(firstword $(WHEELS)),\
  UV_TORCH_BACKEND=cpu)

.venv-peers/.ready: requirements/peers.txt requirements/set_up pyproject.toml
	@$(TORCH) requirements/set_up .venv-peers 3.11 requirements/peers.txt

# Any uv will do; without one, the one that set_up brought.
UV := $(or $(shell command -v uv),.setup/uv/bin/uv)
COMPILE := $(UV) pip compile --quiet --no-header --no-emit-index-url \
  --python-platform x86_64-manylinux_2_28

lock: .venv/.ready
	$(COMPILE) --python-version 3.11 --override requirements/overrides.txt \
	  requirements/default.in -o requirements/default.txt
	$(COMPILE) --python-version 3.10 \
	  requirements/keras2.in -o requirements/keras2.txt
	$(TORCH) $(COMPILE) --python-version 3.11 --emit-build-options \
	  requirements/peers.in -o requirements/peers.txt

clean:
	rm -rf .venv .venv-keras2 .venv-peers .setup build
