# `make help` lists the targets. Each does its own set-up, once: see tools/.

SHELL := /bin/bash
PYTHON := .venv/bin/python
PYTEST := .venv/bin/pytest
SERVERS := 1.13.5 1.9.12
SOURCES := lkedge tests plugins packaging

.PHONY: help demo test test-device test-service check bench deb dist fmt clean venv venv-dev lab

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: venv ## publish a test picture and a tone into a room and show them (ARGS="--seconds 20 --json" and others)
	@tools/setup-viewer.sh
	@[ -n "$$LIVEKIT_URL" ] || tools/setup-livekit-server.sh --optional
	@.venv/bin/lkedge demo $(ARGS)

test: lab ## all tests: unit, contract, integration, a real livekit-server, Chromium, the device lab (ARGS="-k name" and others; LAB=no)
	@$(PYTEST) $(ARGS)
	@$(if $(strip $(ARGS) $(filter no,$(LAB))),:,tools/test-device.sh --if-needed)

test-device: venv-dev ## the hardware plugins on virtual devices, in a virtual machine (ARGS="-k name" and others)
	@tools/test-device.sh $(ARGS)

test-service: venv-dev ## the Debian package as a service, in a booted Debian; needs root (ARGS="-k name" and others)
	@tools/setup-livekit-server.sh
	@tools/setup-service-lab.sh
	@$(PYTEST) tests/service -m service $(ARGS)

check: venv-dev ## types, lint and the unit tests: fast enough for every commit
	@.venv/bin/ruff format --check $(wildcard $(SOURCES))
	@.venv/bin/ruff check $(wildcard $(SOURCES))
	@.venv/bin/mypy lkedge
	@$(PYTEST) -q tests/unit

bench: lab ## the numbers: CPU, latency and memory next to the official SDK
	@$(PYTHON) -m bench.send_path
	@$(PYTHON) -m bench.codecs
	@$(PYTHON) -m bench.publish $(ARGS)

deb: venv-dev ## Debian packages for amd64 and arm64, trixie and bookworm, in dist/; needs root (ARGS="--architecture arm64 trixie")
	@tools/setup-viewer.sh
	@tools/build-deb.sh $(ARGS)

dist: venv-dev ## wheels and source archives of lkedge and its plugins, in dist/
	@tools/setup-viewer.sh
	@tools/build-dist.sh

fmt: venv-dev ## format and fix what can be fixed
	@.venv/bin/ruff format $(wildcard $(SOURCES))
	@.venv/bin/ruff check --fix $(wildcard $(SOURCES))

clean: ## remove what set-up and tests made (not the livekit-server cache)
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache tests/browser/node_modules tests/browser/artifacts
	rm -f lkedge/viewer/livekit-client.umd.js
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@tools/setup-venv.sh

venv-dev:
	@tools/setup-venv.sh --dev

lab: venv-dev
	@tools/setup-viewer.sh
	@tools/setup-browser.sh
	@tools/setup-xvfb.sh
	@tools/setup-livekit-server.sh $(SERVERS)
