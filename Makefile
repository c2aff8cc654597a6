# The everyday words; CMake does the work. `make help` lists them.
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
DATA ?= digits

MAKEFLAGS += --no-print-directory
CONFIGURE = cmake -S . -B $(BUILD)
COMPILE = cmake --build $(BUILD) --parallel $(JOBS)
SOURCES = $(wildcard include/backprop/*.h src/*/*.[ch] src/*/*/*.[ch] tests/*.[ch] tests/*/*.[ch] tests/*/*.cpp \
                     examples/*.c bench/*/*.[ch] fuzz/*.[ch])

.PHONY: all test demo bench bench-peers bench-tables fuzz install check-style format docs clean help
.DELETE_ON_ERROR:

## all: the command, in build/bin, and the libraries, in build/lib
all: $(BUILD)/Makefile
	@$(COMPILE) --target product

$(BUILD)/Makefile: | needs-build
	@$(CONFIGURE) -DBP_TESTS=OFF >/dev/null

# Tests run side by side: threads that wait for each other must not spin.
## test: build everything and run all tests
test: needs-test
	@$(CONFIGURE) -DBP_TESTS=ON >/dev/null
	@$(COMPILE)
	@OMP_WAIT_POLICY=passive ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS)

## demo: train on handwritten digits, predict some, check the gradients (DATA=mnist: with the real ones)
demo: all
	@sh examples/demo.sh $(BUILD)/bin/backprop $(DATA)

## bench: how fast this machine trains, and what it could do at most (about a minute)
bench: all
	@$(BUILD)/bin/backprop bench

## bench-peers: the same work by backprop and by other programs, side by side (ARGS=--help lists the options)
bench-peers: all
	@sh bench/peers/run.sh $(BUILD)/bin/backprop $(BUILD)/peers $(ARGS)

## fuzz: feed the readers with damaged files, each for SECONDS=600 (TARGETS="npy csv": only these)
fuzz: needs-fuzz
	@sh fuzz/run.sh $(BUILD)/fuzzing "$(or $(SECONDS),600)" $(TARGETS)

## bench-tables: backprop and scikit-learn on the same folds of real tables (ARGS=--help lists the options)
bench-tables: all
	@sh cmake/setup.sh tables
	@/usr/bin/python3 -B bench/tables/compare.py --backprop $(BUILD)/bin/backprop --work $(BUILD)/compare-tables $(ARGS)

## install: into PREFIX (/usr/local), under DESTDIR if set
install: all
	@cmake --install $(BUILD) --prefix $(PREFIX)

## check-style: whether clang-format would change anything
check-style:
	@clang-format-14 --dry-run --Werror $(SOURCES)

## format: let clang-format change it
format:
	@clang-format-14 -i $(SOURCES)

## docs: write docs/commands.md and docs/api.md anew, from the command and the headers
docs: all
	@sh docs/generate.sh $(BUILD)/bin/backprop

## clean: remove everything that was built
clean:
	@rm -rf $(BUILD)

## help: this list
help:
	@sed -n 's/^## /  make /p' $(MAKEFILE_LIST)

# What has to be on the machine; installs what is missing when run as root.
.PHONY: needs-build needs-test needs-fuzz
needs-build needs-test needs-fuzz:
	@sh cmake/setup.sh $(@:needs-%=%)
