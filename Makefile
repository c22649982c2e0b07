# Trunkline: one page of short targets. `make run` and `make test` are the contract.
SHELL    := /bin/bash
GO       ?= go
BIN      := bin
COMMANDS := trunkline vsm vem vsh vemcmd
FUZZTIME ?= 10s
SOAKTIME ?= 1h
SOAKFRAMES ?= 10000000
FUZZRUNS ?= 10000000
DOORS    := ./cli/session ./cli/grammar ./cli/pipe ./cli/nxapi ./cli/scp ./cli/sftpd ./cli/files ./internal/flash

.PHONY: run build test check netns fuzz soak bench benchstat generate deps clean

run: build            ## build, start the lab chassis, drop into its CLI
	@exec $(BIN)/trunkline lab

build:                ## bin/trunkline, vsm, vem, vsh, vemcmd
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/ $(addprefix ./cmd/,$(COMMANDS))

test: deps build      ## everything that proves the product
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -race -timeout 30m $$($(GO) list ./... | grep -v /testbed/acceptance)
	$(GO) test -timeout 20m ./feature
	$(MAKE) --no-print-directory netns

check:                ## format, vet, staticcheck, race tests: no privilege, no install
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -race ./...
	$(GO) test ./feature

netns: build          ## the built binaries in namespaces, as a user would run them; drivers at speed
	TRUNKLINE_BIN=$(CURDIR)/$(BIN) $(GO) test -count=1 -timeout 20m ./testbed/acceptance/...
	$(GO) test -count=1 -timeout 20m ./testbed/soak

fuzz:                 ## every fuzz target for FUZZTIME: 10m, or 1000000x for so many executions
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "fuzz $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$p >/tmp/trunkline-fuzz.$$$$ 2>&1 \
	      || { cat /tmp/trunkline-fuzz.$$$$; rm -f /tmp/trunkline-fuzz.$$$$; exit 1; }; rm -f /tmp/trunkline-fuzz.$$$$; \
	  done; done

soak:                 ## ten million frames through every pair of drivers, FUZZRUNS inputs to each parser of the doors, then the fuzz targets for hours
	TRUNKLINE_SOAK_FRAMES=$(SOAKFRAMES) $(GO) test -count=1 -timeout 0 -v ./testbed/soak
	TRUNKLINE_FUZZRUNS=$(FUZZRUNS) $(GO) test -count=1 -timeout 0 -v -run '^TestShare$$' $(DOORS)
	$(MAKE) --no-print-directory fuzz FUZZTIME=$(SOAKTIME)

bench: deps build     ## peers and we in one run, as ratios; PEERS=1: all of them, five rounds, report in docs/bench
	$(if $(PEERS),@.ci/deps peers)
	$(GO) build -o $(BIN)/bench ./testbed/bench
	TRUNKLINE_BIN=$(CURDIR)/$(BIN) $(BIN)/bench $(if $(PEERS),-peers -rounds 5 -docs docs/bench) $(BENCHFLAGS)

benchstat:            ## Go benchmarks of the frame path beside those of BASE (the last landing), in turn
	testbed/bench/stat.sh $(BASE)

generate: deps        ## regenerate committed generated code
	PATH="$$PWD/$(BIN)/tools:$$PATH" GOBIN=$$PWD/$(BIN)/tools $(GO) install tool
	PATH="$$PWD/$(BIN)/tools:$$PATH" $(GO) generate ./...

deps:                 ## Debian packages for tests, bench and generate; only as root on Debian
	@.ci/deps

clean:
	rm -rf $(BIN)
