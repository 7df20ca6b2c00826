# Everything a newcomer, a developer and the CI need is a target here, and each
# target does its own set-up: what can be had under target/ is got, pinned and
# hash-checked; HAProxy and a browser come from the system's packages, which are
# installed where that may be (as root, by apt-get). What cannot be had is named
# with the command that gets it, and the target fails. Nothing is skipped.

SHELL := /bin/bash
.DEFAULT_GOAL := help
comma := ,

# Where cargo builds, which may be elsewhere; the tools are always in target/.
build_dir := $(or $(CARGO_TARGET_DIR),target)

# Servers and IdPs of demo and tests are on loopback, which no proxy reaches.
export NO_PROXY := 127.0.0.1,localhost$(addprefix $(comma),$(or $(NO_PROXY),$(no_proxy)))
export no_proxy := $(NO_PROXY)

# A minute finds what a change broke; leave a night to it now and then.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= token header claims introspection jwks request wish envelope

# `make test` has some hundreds; HALLPASS_DIFFTEST_SEED repeats a run.
COMPARISONS ?= 20000

# Each of the two modes has so many; HALLPASS_FAULTS_SEED repeats the choice of a run.
ROUNDS ?= 200

.PHONY: help demo dev test difftest faults lint fuzz bench clean

help: ## Say what there is (this list)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: ## Build hallpass and play its scenario against a real nats-server
	@tests/tools/preflight cargo cc
	@tests/tools/nats-server >/dev/null # found or installed before the long build
	cargo build --locked
	HALLPASS_NATS_SERVER="$$(tests/tools/nats-server)" "$(build_dir)/debug/hallpass" dev --scenario

dev: ## Build hallpass and keep its playground running, with lines to paste
	@tests/tools/preflight cargo cc
	@tests/tools/nats-server >/dev/null
	cargo build --locked
	@HALLPASS_NATS_SERVER="$$(tests/tools/nats-server)" exec "$(build_dir)/debug/hallpass" dev

test: ## Run all tests, those against real servers, IdPs and clients included
	@tests/tools/preflight cargo cc git python pip node npm
	@tests/tools/nats-server >/dev/null
	@tests/tools/nats-cli >/dev/null
	@tests/tools/packaged haproxy >/dev/null
	@tests/tools/packaged chromium >/dev/null
	tests/tools/clients
	HALLPASS_NATS_SERVER="$$(tests/tools/nats-server)" \
	HALLPASS_NATS_CLI="$$(tests/tools/nats-cli)" \
	HALLPASS_HAPROXY="$$(tests/tools/packaged haproxy)" \
	HALLPASS_CHROMIUM="$$(tests/tools/packaged chromium)" \
	HALLPASS_TEST_PYTHONPATH="$(CURDIR)/target/tools/python" \
	cargo test --locked

difftest: ## Compare what hallpass says with what nats-server does, COMPARISONS times
	@tests/tools/preflight cargo cc
	@tests/tools/nats-server >/dev/null
	HALLPASS_NATS_SERVER="$$(tests/tools/nats-server)" HALLPASS_DIFFTEST_COMPARISONS=$(COMPARISONS) \
	cargo test --locked --test integration difftest -- --nocapture

faults: ## Kill, cut and fill at random moments, ROUNDS times, and count what is left
	@tests/tools/preflight cargo cc
	@tests/tools/nats-server >/dev/null
	HALLPASS_NATS_SERVER="$$(tests/tools/nats-server)" HALLPASS_FAULTS_ROUNDS=$(ROUNDS) \
	cargo test --locked --test integration faults -- --nocapture

lint: ## Check formatting, clippy and the documentation, warnings as errors
	@tests/tools/preflight cargo cc lint
	cargo fmt --check
	cargo clippy --all-targets --features unaudited --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

fuzz: ## Fuzz what reads tokens, keys and requests, FUZZ_SECONDS for each target
	@tests/tools/preflight cargo cc cxx rustup
	@tests/tools/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

bench: ## Print what an authorization costs, and what the size of maps and the audit trail add
	@tests/tools/preflight cargo cc
	cargo bench --locked --bench pipeline --bench maps
	HALLPASS_NATS_SERVER="$$(tests/tools/nats-server)" \
	cargo bench --locked --features unaudited --bench audit

clean: ## Remove everything that was built, downloaded or installed
	@tests/tools/preflight cargo
	cargo clean
	rm -rf target tests/clients/node_modules
