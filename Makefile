# The front door: `make demo` and `make test` are all that a newcomer needs.
.PHONY: build test bench format clean deps

build: deps
	cmake --preset release
	cmake --build --preset release

# Release first, then the same tests under AddressSanitizer and UndefinedBehaviorSanitizer.
test: deps
	for preset in release asan ubsan; do \
	  cmake --preset $$preset && cmake --build --preset $$preset && ctest --preset $$preset || exit 1; \
	done

bench: build
	for program in build/release/bench/*_bench; do $$program || exit 1; done

format:
	git ls-files '*.cpp' '*.h' | xargs clang-format-14 -i

clean:
	rm -rf build/release build/asan build/ubsan build/tsan

deps:
	cmake/install_dependencies.sh
