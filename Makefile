# The front door: `make demo` and `make test` are all that a newcomer needs.
.PHONY: build demo test soak bench format clean deps

build: deps
	cmake --preset release
	cmake --build --preset release

# Describes the pictures of demo/ with the model of demo/.
demo: build
	demo/run.sh build/release/oko

# Release first, then the same tests under AddressSanitizer and UndefinedBehaviorSanitizer.
test: deps
	for preset in release asan ubsan; do \
	  cmake --preset $$preset && cmake --build --preset $$preset && ctest --preset $$preset || exit 1; \
	done

# What takes too long, or too much disk, for every change.
soak: build
	ctest --preset soak

bench: build
	for program in build/release/bench/*_bench; do $$program || exit 1; done
	bench/describe_figures.sh build/release/oko

format:
	git ls-files '*.cpp' '*.h' '*.mm' | xargs clang-format-14 -i

clean:
	rm -rf build/release build/asan build/ubsan build/tsan

deps:
	cmake/install_dependencies.sh
