# Every step a person or a machine takes here. `make quickstart` is the place to start.
#
#   make install      .venv with the package and its development tools
#   make quickstart   draw data, train, test, draw a demo picture      SEED=1 chooses the seed
#   make test         the tests                                        make test-long: the long proofs
#   make lint         ruff: rules and format
#   make bench        speed of the input pipeline and of a training step
#   make ablations    what each choice brings: hours, resumable; writes docs/ablations.md

PYTHON ?= python3
SEED ?= 0
EXTRAS ?= dev
BIN := .venv/bin
SAMPLE := data/sample/fashionai-$(SEED)
STAMP := .venv/.installed-$(EXTRAS)

.PHONY: install quickstart test test-long lint bench ablations clean

install: $(STAMP)

$(STAMP): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
	"AiFashion needs Python 3.11, 3.12 or 3.13; $(PYTHON) is %d.%d. Name another: make install PYTHON=python3.12" % v)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

quickstart: install
	@$(BIN)/python -m aifashion draw fashionai $(SAMPLE) --images 4000 --test-images 100 --size 192 --seed $(SEED)
	@$(BIN)/python train.py --category all --network quick --data $(SAMPLE) --seed $(SEED) --run trained_models/quickstart/seed-$(SEED) --overwrite
	@$(BIN)/python test.py --data $(SAMPLE) --model-path trained_models/quickstart/seed-$(SEED) --out-path submission/quickstart-$(SEED)
	@$(BIN)/python demo.py --data $(SAMPLE) --model-file trained_models/quickstart/seed-$(SEED) --out-path submission/quickstart-$(SEED)/demo.jpg

test: install
	$(BIN)/python -m pytest -m 'not slow' --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-long: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: install
	$(BIN)/python -m aifashion bench

ablations: install
	$(BIN)/python -m aifashion ablations
	$(BIN)/python -m aifashion ablations --page docs/ablations.md

clean:
	rm -rf .venv build dist *.egg-info
