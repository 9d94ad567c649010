# Self-contained: on a machine with Python >= 3.11, a target creates .venv, installs once and runs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SPHINX := $(BIN)/sphinx-build -W --keep-going -q -d docs/_build/doctrees
LOWEST := .venv-lowest/bin
LOWEST_READY := .venv-lowest/.ready

.DEFAULT_GOAL := help
.PHONY: help quickstart test browser lint format docs docs-figures bench faults test-lowest release-check clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

quickstart: $(READY)  ## train a plain and a regularized network on real scans, compare their test error
	$(BIN)/python -m recipes quickstart

test: $(READY)  ## every test; branch coverage >= 95 %, and 100 % of what is pure
	$(BIN)/python -m pytest --cov --cov-report=term
	$(BIN)/python -m coverage report --include='lightning_regkit/*' --fail-under=100 \
		--omit='lightning_regkit/_lightning/*,lightning_regkit/callbacks/*'

browser: $(READY)  ## open the docs and the page of `regkit report` in a Chromium, which must be there; `make test` skips that without
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[browser]'
	$(BIN)/python -m pytest -rs tests/docs/test_site.py tests/report/test_browser.py

lint: $(READY)  ## format, lint, types, import contracts, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/typos

format: $(READY)  ## format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)  ## docs/_build/html; runs the examples and refuses what is undocumented
	$(SPHINX) -E -n -b html docs docs/_build/html
	$(SPHINX) -b doctest docs docs/_build/doctest
	$(SPHINX) -b coverage docs docs/_build/coverage

docs-figures: $(READY)  ## make the pictures of the docs again
	$(BIN)/python -m recipes quickstart --out outputs/quickstart
	cp outputs/quickstart/quickstart.png docs/_static/quickstart.png
	$(BIN)/python docs/figures/mixing.py docs/_static/mixing.png
	$(BIN)/python docs/figures/augment.py docs/_static/augment.png
	$(BIN)/python docs/figures/optimizer_paths.py docs/_static/optimizer_paths.png
	$(BIN)/python docs/figures/second_order.py docs/_static/second_order.png
	$(BIN)/python docs/figures/universal_approximation.py docs/_static/universal_approximation.png
	$(BIN)/python docs/figures/benchmarks.py docs/benchmarks docs/benchmarks.md docs/_static/benchmarks.png
	$(BIN)/python docs/figures/fashion_mnist.py docs/_static/fashion_mnist.csv docs/_static/fashion_mnist.png
	$(BIN)/python docs/figures/multi_crop.py docs/_static/multi_crop.png docs/_static/multi_crop_curve.png
	$(BIN)/python docs/figures/report.py outputs/quickstart/tensorboard docs/_static/report.png  # after make browser

bench: $(READY)  ## speed, as a ratio to a peer in the same run, on an idle machine; writes docs/benchmarks.md (35 minutes)
	$(BIN)/python -m pip install --quiet ttach==0.0.3  # a peer that nothing else needs
	$(BIN)/python -m tests.benchmarks --out docs/benchmarks; failed=$$?; \
		$(BIN)/python docs/figures/benchmarks.py docs/benchmarks docs/benchmarks.md docs/_static/benchmarks.png && exit $$failed

faults: $(READY)  ## kill a run 25 times, at any moment, and compare what it leaves with an undisturbed one
	$(BIN)/python -m tests.faults

# Old releases call what newer ones of their own dependencies deprecate. torchvision 0.21 resizes bytes as floats on a CPU
# with AVX-512, and as bytes with AVX2, as newer ones do with both.
test-lowest: $(LOWEST_READY)  ## every test, under the lower bounds of pyproject.toml
	ATEN_CPU_CAPABILITY=avx2 $(LOWEST)/python -m pytest -W ignore::DeprecationWarning

release-check: $(READY)  ## build wheel and sdist, install the wheel alone, run the ten lines of the README, read its types
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[release]'
	$(BIN)/python -m tests.release

clean:  ## remove environments, caches and built docs
	rm -rf .venv .venv-lowest docs/_build dist .coverage .coverage.*
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo 'lightning-regkit needs Python 3.11 or later: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)' >&2; exit 1; }
$(PYTHON) -m venv $(@D)
$(@D)/bin/python -m pip install --upgrade pip
$(@D)/bin/python -m pip install -c $(word 2,$^) -e '.[$(EXTRAS)]'
touch $@
endef

$(READY): EXTRAS := recipes,dev,docs
$(READY): pyproject.toml constraints.txt
	$(install)

$(LOWEST_READY): EXTRAS := recipes,test
$(LOWEST_READY): pyproject.toml constraints-lowest.txt
	$(install)
