# A newcomer needs only `make demo`, `make install` and `make test`.
.PHONY: build everything demo install uninstall test check tidy soak bench format clean deps

cores := $(shell getconf _NPROCESSORS_ONLN)

# The program alone. A folder that is configured with tests stays so.
build:
	cmake/install_dependencies.sh program
	[ -e build/release/build.ninja ] || cmake --preset program
	cmake --build --preset release --target oko

everything: deps
	cmake --preset release
	cmake --build --preset release

# Describes the pictures of demo/ with the model of demo/.
demo: build
	demo/run.sh build/release/oko

# To PREFIX, /usr/local if none is given: make install PREFIX=~/.local
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export DESTDIR := $(DESTDIR)
install: build
	cmake/install.sh build/release

uninstall:
	cmake/install.sh build/release --remove

# One more than there are cores, since some tests wait.
test: everything
	ctest --preset release -j $$(($(cores) + 1))

# What CI runs: the tests, the sanitizers, the check for Macs, formatting and clang-tidy.
check:
	tools/check/check.sh

# clang-tidy on the whole tree; `make check` checks the changed files.
tidy: deps
	tools/check/tidy.sh --all

# Tests that take too long, or too much disk, for every change.
soak: everything
	ctest --preset soak

bench: everything
	bench/run

format:
	tools/check/format.sh

clean:
	rm -rf build/release build/sanitize build/tsan build/mac

deps:
	cmake/install_dependencies.sh
