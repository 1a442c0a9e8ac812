# Each target does all the set-up that it needs on a fresh machine.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Those that have a baseline.
GATED := $(patsubst results/baselines/%.json,scenarios/%.yaml,$(filter-out %.anchor.json,$(wildcard results/baselines/*.json)))

SCENARIOS := $(basename $(notdir $(wildcard scenarios/*.yaml)))

# Processes of tests and of users find what has been compiled, in place of compiling it again, each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test thorough lint format cards choosing claims families reproduce docs journeys wheel-test faults pictures gate jax interop speed calibrate reference clean

help:  ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

$(VENV)/installed: requirements.lock pyproject.toml
	@echo "installing $$(grep -c == requirements.lock) packages into $(VENV), torch among them: once, some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

run: $(VENV)/installed  ## measure the Gaussian example; about twenty seconds
	$(BIN)/python -m bench run scenarios/gaussian.yaml

test: $(VENV)/installed  ## the ordinary test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --quiet

thorough: $(VENV)/installed  ## the slow tests: certificates, truths, hostile estimators, and pages in Chromium
	BENCH_SCREENSHOTS=results/screenshots $(BIN)/python -m pytest -m slow --numprocesses 2 --dist worksteal --quiet

lint: $(VENV)/installed  ## ruff, mypy, and the English of what people read
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.english

format: $(VENV)/installed  ## lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

cards: $(VENV)/installed  ## the file that `bench list` reads, after a change of what can be named
	$(BIN)/python -m bench.card_file

choosing: $(VENV)/installed  ## the page on which estimator to take, after a change of estimators or reference runs
	$(BIN)/python -m bench.choosing_page

claims: $(VENV)/installed  ## the page that holds claims of papers against the reference runs
	$(BIN)/python -m bench.claims_page

families: $(VENV)/installed  ## pictures of families of estimators, after a change of estimators: docs/pictures/families
	$(BIN)/python -m docs.pages.family_pictures

reproduce: $(VENV)/installed  ## numbers of papers and lectures, measured again: docs/reproduction.md; two minutes
	$(BIN)/python -m bench reproduce --markdown docs/reproduction.md

gate: $(VENV)/installed  ## the scenarios against their baselines; below three minutes
	$(BIN)/python -m bench gate $(GATED)

journeys: $(VENV)/installed  ## the path of a newcomer through the guide, from an empty repository, the README and the wheel; ten minutes
	$(BIN)/python -m pytest tests/journeys --override-ini addopts= --numprocesses 2 --dist loadfile --quiet --no-header

wheel-test: $(VENV)/installed  ## wheel and sdist, installed outside of the repository, by each Python from 3.11 to 3.13 that is found; five minutes
	$(BIN)/python -m pytest tests/journeys/test_wheel.py tests/journeys/test_sdist.py --override-ini addopts= --numprocesses 2 --dist loadfile --quiet --no-header -rs

faults: $(VENV)/installed  ## kills, full disks, damaged files, hostile estimators; eight minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/faults --override-ini addopts= --numprocesses 2 --dist loadfile --quiet --no-header

JAX := jax==0.10.2

.venv-jax/installed:
	$(PYTHON) -m venv .venv-jax
	.venv-jax/bin/python -m pip install --quiet --disable-pip-version-check $(JAX)
	touch $@

jax: .venv-jax/installed  ## an environment with JAX, against which `make speed` then measures too

# What the examples in docs/examples are written with, at the versions that they were tested with.
PEERS := pyro-ppl==1.9.2 storchastic==0.3.7 $(JAX) numpyro==0.22.0

# It sees all packages of the other environment: one torch is enough.
.venv-interop/made: $(VENV)/installed
	$(PYTHON) -m venv .venv-interop
	.venv-interop/bin/python tests/interop/sees.py $(BIN)/python
	touch $@

interop: .venv-interop/made  ## the examples with Pyro, Storchastic, NumPyro and JAX, in an environment of their own; three minutes
	@for package in $(PEERS); do \
		said=$$(.venv-interop/bin/python -m pip install --quiet --disable-pip-version-check \
			--constraint requirements.lock $$package 2>&1) || \
		echo "skipped: $${package%%==*} cannot be had: $$(echo "$$said" | grep ERROR: | tail -n 1)"; \
	done
	OMP_NUM_THREADS=1 .venv-interop/bin/python -m pytest tests/interop --override-ini addopts= \
		--override-ini filterwarnings=default -p no:cacheprovider --quiet --no-header -rs

speed: $(VENV)/installed  ## speed and memory, as ratios measured in one run
	$(BIN)/python -m pytest tests/speed --benchmark-disable-gc --quiet --override-ini addopts= --no-header

docs: $(VENV)/installed  ## the site, from docs/ and the program, without network: docs/_build/index.html; a minute
	rm -rf docs/_build docs/_doctrees
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html -d docs/_doctrees docs docs/_build
	$(BIN)/python -m docs.pages.links docs/_build
	$(BIN)/python -m docs.pages.coverage docs/_build

pictures: $(VENV)/installed  ## the picture of a page in the guide; needs Chromium
	$(BIN)/python -m tests.page_picture

calibrate: $(VENV)/installed  ## how often intervals cover and verdicts err; about an hour
	$(BIN)/python -m pytest tests/calibration --override-ini python_files='calibrate_*.py' --quiet --no-header \
		--table results/reference/calibration.md

reference: $(VENV)/installed  ## the scenarios in full, as small runs: results/reference; make reference SCENARIOS=gaussian
	for scenario in $(SCENARIOS); do \
		rm -rf results/made results/reference/$$scenario && mkdir -p results/reference/$$scenario && \
		$(BIN)/python -m bench run scenarios/$$scenario.yaml --out results/made --no-report && \
		$(BIN)/python -m bench report results/made/$$scenario/* --figures png --titles \
			--markdown results/reference/$$scenario/summary.md && \
		$(BIN)/python -m bench.results.thinning results/made/$$scenario/* results/reference/$$scenario || exit 1; \
	done; rm -rf results/made

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .venv-jax .venv-interop .mypy_cache .ruff_cache .hypothesis .benchmarks
