# What a learner and a maintainer type. Works with GNU make 3.81, which macOS has.
GO      ?= go
COURSE  := $(GO) run ./internal/cmd/course
ALL     := $(wildcard module??)
MODULES ?= $(ALL)
$(if $(filter-out $(ALL),$(MODULES)),$(error MODULES: there is no $(filter-out $(ALL),$(MODULES)). There are $(ALL)))
# All of them, unless a person has named some.
PARTS   := $(if $(filter $(origin MODULES),file),,$(addprefix ./,$(MODULES)))

# No target is a file; the modules are folders, which make would take for up to date.
.PHONY: help test engines drift book bench soak faults sabotage $(ALL) engine engine-stop images images-for-tests clean \
	clean-standins pictures readme lint has-go

help:
	@echo 'make test            prove every claim of the course, and sum up; ENGINE=docker:28-dind does it inside another engine'
	@echo 'make engines         the same inside several, and a table of engines and modules: ENGINE="docker:26-dind docker:29-dind"'
	@echo 'make drift           compare the images that the lessons name with those of today, claim by claim'
	@echo '                     MODULES="module03 module04" limits the three to those'
	@echo 'make book            the same, and book.html shows it all; RUN=file takes a run that was kept'
	@echo 'make bench           measure the course against what this engine can do; MODULES=module04 a part of it,'
	@echo '                     NAIVE=1 compares with the naive way'
	@echo 'make soak N=20       prove the course N times, shuffled and twice at once, and look what is left each time;'
	@echo '                     KILLS=25 interrupts and kills it at random moments; MODULES=module04 takes a part of it'
	@echo 'make module04        read a lesson as it is performed: $(ALL)'
	@echo 'make engine          find a Docker engine; install and start one where there is none'
	@echo 'make engine-stop     stop the engine that make engine started'
	@echo 'make images          obtain the images of the course'
	@echo 'make clean           remove the containers, networks, volumes and images that lessons made'
	@echo 'make clean-standins  remove the stand-ins for images that could not be pulled'
	@echo 'make pictures        measure anew what the lessons show as pictures, and draw them'
	@echo 'make readme          write into the READMEs what their commands print today, and the claims there are'
	@echo 'make faults          break what the course stands on, and check what the learner is told'
	@echo 'make sabotage        plant faults into what lessons ask for; with FAULTS="memory mount" MODULES=module04 or TESTS=… some'
	@echo 'make lint            check the Go code: gofmt, go vet, staticcheck'

test: images-for-tests
	@$(COURSE) $(if $(ENGINE),test-on "$(ENGINE)",test) $(PARTS)

engines: images-for-tests
	@$(COURSE) test-on "$(or $(ENGINE),docker:26-dind docker:28-dind docker:29-dind)" $(PARTS)

# Runs that were kept need no engine: PINNED and CURRENT name their files.
drift: $(if $(and $(PINNED),$(CURRENT)),has-go,engine)
	@$(COURSE) drift "$(PINNED)" "$(CURRENT)" $(PARTS)

# A run that was kept needs no engine.
book: $(if $(RUN),has-go,images-for-tests)
	@$(COURSE) book $(RUN)


bench: images-for-tests
	@$(COURSE) bench $(if $(NAIVE),naive) $(PARTS)

soak: images-for-tests
	@$(COURSE) $(if $(KILLS),kill $(KILLS),soak $(or $(N),20)) $(PARTS)

$(ALL): engine
	@$(GO) test ./$@ -v -count=1 -timeout 30m

images images-for-tests: engine
	@$(COURSE) $@

engine engine-stop clean clean-standins: has-go
	@$(COURSE) $@

# One at a time: what is measured should have the machine for itself.
pictures: images-for-tests
	@COURSE_PICTURES=1 $(GO) test ./module05 ./module06 -p 1 -v -count=1 -timeout 60m \
		-run 'TestTheClientShows|TestTheLastImageIsAFraction|TestAfterAnEdit'

readme: images-for-tests
	@COURSE_README=1 $(GO) test ./internal/readme -count=1 -timeout 60m \
		-run "$$(echo $(MODULES:module%=TestModule%ShowsWhatHappens) | tr ' ' '|')"

faults: engine
	@COURSE_FAULTS=1 $(COURSE) test ./internal/faults

# What has been found already is kept in internal/sabotage/findings.json; faults and tests that are named are planted again.
sabotage: images-for-tests
	@$(COURSE) sabotage $(FAULTS) $(MODULES) $(TESTS)

lint: has-go
	@unformatted=$$(gofmt -l .) && if [ -n "$$unformatted" ]; then \
		echo "Not formatted; run gofmt -w on:" >&2; echo "$$unformatted" >&2; exit 1; fi
	@$(GO) vet ./...
	@$(GO) tool staticcheck ./...
	@cd module05/app/api-golang && $(GO) vet ./...

has-go:
	@command -v $(GO) >/dev/null 2>&1 || { \
		echo 'The go command is not on PATH, and the course is written in Go. Install Go 1.26 or newer from https://go.dev/dl/.' >&2; exit 1; }
