# Two commands do everything: `make demo` and `make test`. Both install what they need below .build.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BUILD := .build
PYTHON := $(BUILD)/venv/bin/python
READY := $(BUILD)/venv/.ready $(BUILD)/emulator/.ready $(BUILD)/runtime/.ready $(BUILD)/bin/.ready
PIP := -m pip install -qq --disable-pip-version-check --require-hashes

export PATH := $(CURDIR)/$(BUILD)/venv/bin:$(CURDIR)/$(BUILD)/bin:$(PATH)
export PYTHONPATH := $(CURDIR)
export PYTHONUNBUFFERED := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20

.PHONY: help setup demo up down test check unit flows stacks browser e2e bench docs synth guard lock format clean

help: ## show what there is
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# ---- what the machine needs -------------------------------------------------------------------

define environment # name, requirements, what for, how long
	@echo "setup: $(3), $(4)"
	@mkdir -p $(BUILD)
	@python=$$(tools/find-python) && rm -rf $(BUILD)/$(1) && "$$python" -m venv $(BUILD)/$(1)
	@$(BUILD)/$(1)/bin/python $(PIP) -r $(2)
	@touch $@
	@echo "setup: $(3) is ready"
endef

$(BUILD)/venv/.ready: requirements-dev.txt
	$(call environment,venv,requirements-dev.txt,the CDK and the test tools,about a minute)

$(BUILD)/emulator/.ready: demo/emulator/requirements.txt
	$(call environment,emulator,demo/emulator/requirements.txt,the embedded AWS,about a minute)

$(BUILD)/runtime/.ready: demo/emulator/requirements-runtime.txt
	$(call environment,runtime,demo/emulator/requirements-runtime.txt,the Lambda runtime,a few seconds)

$(BUILD)/bin/.ready: package-lock.json tools/install-node-tools $(BUILD)/venv/.ready
	@echo "setup: the CDK's command line, the workflow linter and a browser for the tests, a few seconds"
	@tools/install-node-tools >$(BUILD)/npm.log 2>&1 || { cat $(BUILD)/npm.log; exit 1; }
	@touch $@

setup: ## install everything below .build
	@$(MAKE) -s -j2 $(READY)

# ---- using it ---------------------------------------------------------------------------------

demo: setup ## show the main job on the embedded AWS
	@$(PYTHON) -m demo demo

up: setup ## start the embedded AWS with the stack deployed, on 127.0.0.1:4566
	@$(PYTHON) -m demo up

down: ## stop what `make up` started
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m demo down; fi

EMAIL ?= oncall@example.com
synth: setup ## write the CloudFormation template to cdk.out (EMAIL=you@your-company.com)
	@cdk synth --quiet --no-notices -c alert_email=$(EMAIL)

guard: ## print a service control policy (ACCOUNT=… DEPLOY_ROLE=arn,… BREAK_GLASS=arn,… OPERATORS=arn,…)
	@$(MAKE) setup >&2
	@$(PYTHON) -m stacks.print_guard '$(ACCOUNT)' '$(DEPLOY_ROLE)' '$(BREAK_GLASS)' '$(OPERATORS)'

# ---- checking it ------------------------------------------------------------------------------

test: setup ## every check: lint, types, laws, unit, stacks, flows, end to end
	@$(MAKE) check
	@$(PYTHON) -m pytest --durations=10 -n 2 tests/unit tests/laws tests/fights tests/flows
	@$(PYTHON) -m pytest --durations=10 tests/stacks tests/browser tests/e2e

check: setup ## lint, formatting and types only
	@echo "check: ruff"; ruff check --quiet . && ruff format --quiet --check .
	@echo "check: mypy"; mypy --no-error-summary app.py lambdas stacks demo docs bench tests

unit: setup ## the fast tests
	@$(PYTHON) -m pytest -n 2 tests/unit tests/laws tests/fights

flows: setup ## the real workflow with the real handlers, in one process
	@$(PYTHON) -m pytest -n 2 tests/flows

stacks: setup ## the template: synthesis, cdk-nag, cfn-lint, roles
	@$(PYTHON) -m pytest tests/stacks

browser: setup ## the report in a real browser: opens, shows, asks for nothing, accessible
	@$(PYTHON) -m pytest tests/browser

e2e: setup ## the deployed stack on the embedded AWS
	@$(PYTHON) -m pytest tests/e2e

bench: setup ## measure speed, as ratios within one run; fight a thousand simulated attackers in each way
	@$(PYTHON) -m bench

docs: setup ## write the generated documents again
	@$(PYTHON) -m docs

# ---- keeping it -------------------------------------------------------------------------------

format: setup ## format, and fix what can be fixed
	@ruff check --fix --quiet . ; ruff format .

LOCK := CUSTOM_COMPILE_COMMAND="make lock" pip-compile -q --generate-hashes --allow-unsafe --strip-extras \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options
lock: setup ## pin the requirements again from the *.in files
	@$(PYTHON) -m pip install -qq --disable-pip-version-check pip-tools==7.6.2
	@for name in requirements requirements-lambda requirements-dev; do $(LOCK) -o $$name.txt $$name.in; done
	@cd demo/emulator && for name in requirements requirements-runtime; do $(LOCK) -o $$name.txt $$name.in; done

clean: down ## remove everything that was installed or built
	@rm -rf $(BUILD) cdk.out node_modules
