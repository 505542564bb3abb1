# A thin face over pipelines/*.py: each target is one command, and make prints it before it runs.
# A target takes the variables that its help line names (another is refused); they are names and numbers. DATA and TARGET
# may have any sign in them, and are one word of the command whatever it is.
# ARGS alone is shell text: any other Hydra overrides, quoted for the shell:
#   make sweep EXPERIMENT=boston_mlp ARGS="trainer.max_epochs=1 'space.params.optimizer.lr=tag(log, interval(1e-4,1e-2))'"

EXPERIMENTS := boston_mlp digits_cnn
VENV_PYTHON := .venv/bin/python
STAMP := .venv/.eksplora-stamp
DOCS_STAMP := .venv/.eksplora-docs-stamp
PEERS_STAMP := .venv-peers/.eksplora-stamp

# That of the present .venv, or the first that runs and is new enough; `make setup PYTHON=/path/to/python3.12` names another.
# Looked up once, and only for setup.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
FIND_PYTHON = for p in "$$(sed -n 1p $(STAMP))" python3.13 python3.12 python3.11 python3; do "$$p" -c '$(SUPPORTED)' && echo "$$p" && break; done 2>/dev/null
PYTHON ?= $(eval PYTHON := $(shell $(FIND_PYTHON)))$(PYTHON)

quoted = '$(subst ','\'',$1)'
define newline


endef

# Checked before anything runs: a misspelt variable would change nothing, and another number would be taken for its result.
own_of_make := MAKE% MFLAGS GNUMAKEFLAGS SHELL CURDIR VPATH SUFFIXES .%
given := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
given := $(foreach name,$(sort $(filter-out $(own_of_make),$(given))),$(call quoted,$(name)=$(subst $(newline),;,$(value $(name)))))
complaint := $(shell LC_ALL=C awk -f tools/variables.awk $(firstword $(MAKEFILE_LIST)) $(call quoted,$(MAKECMDGOALS)) $(given) || echo 'needs awk, and tools/variables.awk')
$(if $(complaint),$(error eksplora: $(complaint)))

# Nothing that runs here reports home.
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
# Material announces its successor at each build; the pins decide when to move.
export NO_MKDOCS_2_WARNING := true

.DEFAULT_GOAL := help
.PHONY: help setup sweep audit describe repro report predict reproduce paper paper-check train baseline prepare sync ui check test test-slow bench bench-peers calibrate docs catalogue picture lock clean FORCE

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv with every version pinned (the others do this when needed, also in a copy) [PYTHON=python3.12]

# $(value ...) hands the user's text on as it was typed: make expands no $ in it.
args = $(if $(value ARGS), $(value ARGS))
overrides = $(if $(SAMPLER), sampler=$(SAMPLER))$(if $(TRIALS), study.n_trials=$(TRIALS))$(args)
# Data of one's own, as typed: an environment has variables of these names for other ends.
unexport DATA TARGET INPUT
typed = $(if $(findstring command line,$(origin $1)),$(value $1))
of_data = $(if $(call typed,DATA), $(call quoted,data=$(call typed,DATA)))$(if $(call typed,TARGET), $(call quoted,data.target=$(call typed,TARGET)))
of_experiment = $(of_data)$(if $(EXPERIMENT), experiment=$(EXPERIMENT))

sweep: $(STAMP) ## search hyperparameters, also for a table of your own [DATA=file TARGET=column] [EXPERIMENT=name] [SAMPLER=grid|random|tpe|gp] [TRIALS=n] [ARGS="overrides"]
	$(if $(of_data),$(VENV_PYTHON) pipelines/search.py$(of_experiment)$(overrides),$(foreach name,$(or $(EXPERIMENT),$(EXPERIMENTS)),$(VENV_PYTHON) pipelines/search.py experiment=$(name)$(overrides)$(newline)))

audit: $(STAMP) ## judge the search of an experiment on rows that it never sees, several searches long [DATA=file TARGET=column] [EXPERIMENT=name] [OUTER=10] [SAMPLER=grid|random|tpe|gp] [TRIALS=n] [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/audit.py$(of_experiment)$(if $(OUTER), audit.outer=$(OUTER))$(overrides)

describe: $(STAMP) ## say what is in a table, before anything is trained: DATA=file TARGET=column [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/describe.py$(if $(call typed,DATA), $(call quoted,file=$(call typed,DATA)))$(if $(call typed,TARGET), $(call quoted,target=$(call typed,TARGET)))$(args)

repro: $(STAMP) ## run all stages that have changed, raw data to tested model: of a table of your own, or of each experiment of dvc.yaml [DATA=file TARGET=column] [ARGS="overrides; without DATA arguments of dvc repro"]
	$(VENV_PYTHON) $(if $(of_data),pipelines/repro.py$(of_data),-m eksplora.cli.repro)$(args)

report: $(STAMP) ## write the report of an experiment whose stages were run, and the list of all results [DATA=file TARGET=column] [EXPERIMENT=name] [ARGS="overrides"]
	$(if $(of_data),$(VENV_PYTHON) pipelines/report.py$(of_experiment)$(args),$(foreach name,$(or $(EXPERIMENT),$(EXPERIMENTS)),$(VENV_PYTHON) pipelines/report.py experiment=$(name)$(args)$(newline)))

predict: $(STAMP) ## predict with the model of an experiment: EXPERIMENT=name INPUT=file [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/predict.py$(if $(EXPERIMENT), trained=results/$(EXPERIMENT)/confirm/model)$(if $(call typed,INPUT), $(call quoted,input=$(call typed,INPUT)))$(args)

reproduce: $(STAMP) ## train a recorded run again and compare bit for bit: RUN=<id of a run in MLflow> [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/reproduce.py$(if $(RUN), run=$(RUN))$(args)

paper: $(STAMP) ## run the reference explorations and judge their claims [BUDGET=smoke|standard|full] [ARGS="overrides"]
	$(foreach name,boston_mlp fashion_mnist_cnn,$(VENV_PYTHON) pipelines/explore.py exploration=$(name) carry=reported$(if $(BUDGET), budget=$(BUDGET))$(args)$(newline))

paper-check: $(STAMP) ## compute the explorations' tables again from MLflow, and compare [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/paper_check.py$(args)

train: $(STAMP) ## train one configuration [DATA=file TARGET=column] [EXPERIMENT=name] [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/train.py$(of_experiment)$(args)

baseline: $(STAMP) ## fit plain baselines beside the networks [DATA=file TARGET=column] [EXPERIMENT=name] [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/baseline.py$(of_experiment)$(args)

prepare: $(STAMP) ## prepare one data set (the others do this when needed) [DATA=name|file] [TARGET=column] [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/prepare.py$(of_data)$(args)

sync: $(STAMP) ## fill MLflow with what it missed while it was away [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/sync.py$(args)

ui: $(STAMP) ## open the MLflow UI on this machine only [PORT=5000] [ARGS="overrides"]
	$(VENV_PYTHON) pipelines/ui.py$(if $(PORT), port=$(PORT))$(args)

check: $(STAMP) ## format, lint and strict types
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m mypy

test: $(STAMP) ## the tests, without the slow ones [ARGS="pytest arguments"]
	$(VENV_PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(value ARGS)

test-slow: $(STAMP) ## the slow tests [ARGS="pytest arguments"]
	$(VENV_PYTHON) -m pytest -m "slow and not gpu" $(value ARGS)

bench: $(STAMP) ## measure speed and write docs/benchmarks.md [ARGS="--only population"]
	$(VENV_PYTHON) -m benchmarks.speed$(args)

bench-peers: $(PEERS_STAMP) ## measure speed against Keras, Lightning, Hydra's sweeper, Ray Tune: docs/benchmarks-peers.md [ARGS="--repeats 3"]
	$(VENV_PYTHON) -m benchmarks.against_peers$(args)

calibrate: $(STAMP) ## simulate studies whose truth is known and write docs/calibration.md [ARGS="--studies 500"]
	$(VENV_PYTHON) -m benchmarks.calibrate$(args)

docs: $(DOCS_STAMP) ## build the documentation site into site/; a broken link fails [ARGS="arguments of mkdocs build"]
	$(VENV_PYTHON) -m mkdocs build --strict$(args)

catalogue: $(STAMP) ## write docs/reference/catalogue.md: every part and key, from conf/
	$(VENV_PYTHON) tools/catalogue.py

picture: $(STAMP) ## draw the README's picture of a report anew, from results/<experiment>/report.html [EXPERIMENT=digits_cnn]
	$(VENV_PYTHON) tools/picture.py $(or $(EXPERIMENT),digits_cnn)

# torch is left where it is pinned: the newest one brings gigabytes of CUDA packages. To raise it, edit its line first.
lock: ## pin anew: the newest versions that install together, written to constraints.txt
	"$(PYTHON)" -m venv --clear build/lock
	grep '^torch==' constraints.txt > build/torch.txt
	build/lock/bin/python -m pip install --quiet --upgrade pip setuptools
	build/lock/bin/python -m pip install --quiet -c build/torch.txt -e '.[dev,docs,umap]'
	{ sed '/^[^#]/,$$d' constraints.txt; build/lock/bin/python -m pip freeze --all --exclude-editable | sed 's/+[a-z0-9.]*$$//'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean: ## remove caches and build products; never data/, mlruns/, results/ or .venv/
	rm -rf build dist site src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests pipelines -name __pycache__ -prune -exec rm -rf {} +

# --- setup ---------------------------------------------------------------------------------------------------------
# The stamp is written last, so a broken or interrupted setup is taken up again by the same command. It holds the Python that
# .venv was made with (another one, named, makes .venv anew), the pins, and the folder: a copied or moved project has a .venv
# that points to the old one, which is put right in a moment.

stamp := $(file < $(STAMP))
PINS := $(shell cat constraints.txt pyproject.toml 2>/dev/null | cksum)
has_pins := $(findstring $(newline)$(PINS)$(newline),$(stamp)$(newline))
is_here := $(findstring $(newline)$(CURDIR)$(newline),$(stamp)$(newline))
python_changed := $(if $(filter-out file,$(origin PYTHON)),$(if $(findstring @$(PYTHON)$(newline),@$(stamp)$(newline)),,yes))
has_moved := $(if $(has_pins),$(if $(python_changed)$(is_here),,$(shell $(VENV_PYTHON) -c 'print("yes")' 2>/dev/null)))
ifneq ($(and $(has_pins),$(is_here),$(if $(python_changed),,yes)),yes)
$(STAMP): FORCE
endif

fail = { printf 'eksplora: %s\n' $1 >&2; exit 1; }
write_stamp = printf '%s\n' $1 '$(PINS)' $(call quoted,$(CURDIR)) > $@
again := Then run the same command again.
no_python = needs Python 3.11, 3.12 or 3.13, and $(if $(PYTHON),'$(PYTHON)' is none,found none on PATH). Install one (Debian, Ubuntu: apt install python3 python3-venv) or name one: make setup PYTHON=/path/to/python3.12
no_venv = '$(PYTHON)' has no venv module. Install it (Debian, Ubuntu: apt install python3-venv, for a python3.12 python3.12-venv). $(again)
no_move = making .venv belong to this folder failed. Remove it: rm -r .venv. $(again)
no_folder = "making .venv failed: $$(printf '%s' "$$said" | tail -n 1). Fix it. $(again)"
no_install = "installing failed: $$({ grep -iE '^ *[a-z]*error\b' $1 || cat $1; } | tail -n 1) (all of it: $1). Fix it. $(again)"

# What does not compile (a template, say) is imported by nobody: pip passes over it, too.
compile_packages = { $(VENV_PYTHON) -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true; }
find_sources_here = for link in .venv/lib/python*/site-packages/__editable__.eksplora-*.pth; do \
	[ ! -e "$$link" ] || echo ../../../../src > "$$link"; done

# pip and setuptools are pinned first, so that next year's do not build or resolve differently. pip compiles on one core, two
# thirds of its time: here all cores do it, and the libraries' own tests are left out. The environment then finds the
# sources by a path from where it lies: a folder that was copied or moved runs its own code, also before make sets it up again.
$(STAMP):
ifeq ($(has_moved),yes)
	@$(VENV_PYTHON) tools/move_venv.py "$$(sed -n 3p $@)" || $(call fail,$(call quoted,$(no_move)))
	@echo "This folder is a copy or has moved: its .venv belongs to it now."
	@python=$$(sed -n 1p $@) && $(call write_stamp,"$$python")
else
	@$(call quoted,$(PYTHON)) -c '$(SUPPORTED)' 2>/dev/null || $(call fail,$(call quoted,$(no_python)))
	@$(call quoted,$(PYTHON)) -c 'import ensurepip, venv' 2>/dev/null || $(call fail,$(call quoted,$(no_venv)))
	@{ [ -z '$(python_changed)' ] && $(VENV_PYTHON) -c '$(SUPPORTED)' && $(VENV_PYTHON) -m pip --version; } >/dev/null 2>&1 || \
		said=$$($(call quoted,$(PYTHON)) -m venv --clear .venv 2>&1) || $(call fail,$(no_folder))
	@printf 'Setting up .venv with %s: one to three minutes. Log: .venv/setup.log\n' $(call quoted,$(PYTHON))
	@{ $(VENV_PYTHON) -m pip install --no-input -c constraints.txt pip setuptools && \
		$(VENV_PYTHON) -m pip install --no-input --no-compile -c constraints.txt --build-constraint constraints.txt -e '.[dev]' && \
		$(compile_packages) && $(find_sources_here); \
		} > .venv/setup.log 2>&1 || $(call fail,$(call no_install,.venv/setup.log))
	@$(call write_stamp,$(call quoted,$(PYTHON)))
endif

# What builds the site shares .venv and its pins; it is installed by the first `make docs`, because nothing else needs it.
$(DOCS_STAMP): constraints.txt pyproject.toml | $(STAMP)
	@echo "Installing what builds the documentation: half a minute. Log: .venv/docs.log"
	@{ $(VENV_PYTHON) -m pip install --no-input -c constraints.txt --build-constraint constraints.txt -e '.[docs]' && \
		$(find_sources_here); } > .venv/docs.log 2>&1 || $(call fail,$(call no_install,.venv/docs.log))
	@touch $@

# The peers cannot share .venv: the sweeper needs an Optuna of its own. They get the same Python, torch and Lightning.
$(PEERS_STAMP): constraints-peers.txt $(STAMP)
	@$(VENV_PYTHON) -m venv --clear .venv-peers
	@echo "Setting up .venv-peers: two to five minutes. Log: .venv-peers/setup.log"
	@{ .venv-peers/bin/python -m pip install --no-input -c constraints-peers.txt pip setuptools && \
		.venv-peers/bin/python -m pip install --no-input --build-constraint constraints-peers.txt -r constraints-peers.txt; \
		} > .venv-peers/setup.log 2>&1 || $(call fail,$(call no_install,.venv-peers/setup.log))
	@touch $@
