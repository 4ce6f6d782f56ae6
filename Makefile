# Everything a newcomer needs: `make run` and `make test`.

CARGO ?= cargo
DATA ?= data
LISTEN ?= 127.0.0.1:7600

.PHONY: run build release tuned test lint unit clients bench bench-compare models models-check gen fuzz deny torture torture-store

## Builds what is missing and starts the server in the foreground, on loopback, on the embedded store.
run: release
	@exec target/release/strongroom serve --data $(DATA) --listen $(LISTEN)

build:
	$(CARGO) build --workspace --bins

release:
	@test -x target/release/strongroom || echo "Building: the first time takes some minutes and fetches libraries."
	@$(CARGO) build --release --quiet -p strongroom-cli

## The binary as it is best shipped, target/tuned/strongroom: arranged by profiles of its own work. Takes three builds.
tuned:
	@scripts/tuned

## Does all the set-up of the tests and runs them all.
test:
	@scripts/test

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) run -q -p xtask -- gen --check
	$(CARGO) run -q -p xtask -- tidy

unit:
	$(CARGO) test --workspace

## Real clients against the real binary; SUITES="python go" runs some of them.
clients:
	tests/clients/run $(SUITES)

## The faults of disks, kills and power failures of the embedded engine, over a longer series than in `make test`.
torture-store:
	scripts/torture-store

## Machines that die, hang and lose their links, under real clients, for TORTURE_SECONDS (1800): longer than in `make test`;
## then a server at half load for SOAK_MINUTES (60), whose memory and open files may not grow.
torture:
	@scripts/torture
	@scripts/torture-soak

## Licences, sources and known defects of all dependencies.
deny:
	@scripts/install-cargo-tool cargo-deny
	PATH="$(CURDIR)/target/tools/bin:$$PATH" $(CARGO) deny check

## The load generator and its tables, in target/bench.
bench: release
	$(CARGO) run --release -p strongroom-bench -- suite $(BENCH)

bench-compare:
	$(CARGO) run --release -p strongroom-bench -- compare $(BASE) target/bench/report.json

## Refreshes the facts of the AWS API models, and says what AWS has changed.
models:
	$(CARGO) run -q -p xtask -- models refresh
	$(CARGO) run -q -p xtask -- gen

models-check:
	$(CARGO) run -q -p xtask -- models check

gen:
	$(CARGO) run -q -p xtask -- gen

## Runs every fuzz target for FUZZ_SECONDS (60).
fuzz:
	scripts/fuzz
