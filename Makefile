# SPDX-License-Identifier: Apache-2.0
# The project's commands. Each is a few words of CMake, ctest and the scripts below tests/; nothing is decided here.
.DEFAULT_GOAL := help
.PHONY: help demo test test-full build package check lint format clean
# `make -j` must not run two of them at once: they share build/.
.NOTPARALLEL:

help: ## show these commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## see an agent held by the kernel and released by a person (installs packages: as root)
	@start=$$(date +%s); tests/install && tests/run demo --since $$start

test: ## everything a change must pass, in 25 minutes at most (installs packages: as root)
	@start=$$(date +%s); tests/install --kernels && tests/run test --since $$start

test-full: ## the same and what takes longer, in 80 minutes at most
	@start=$$(date +%s); tests/install --kernels && tests/run full --since $$start

build: ## daemon and command into build/
	@tests/install && tests/run build

package: ## a Debian package of it, in build/
	@tests/install && tests/run package

check: ## style, layers and other rules about the sources, without building
	@tests/install && tests/check/run

lint: ## clang-tidy over all sources (minutes)
	@tests/install && tests/run lint

format: ## bring all C and C++ sources into shape
	@tests/check/format --write

clean: ## remove build/
	@rm -rf build
