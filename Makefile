# The front door: `make demo` and `make test` are all that a newcomer needs.
.PHONY: build deps test clean format

build: deps
	cmake --preset release
	cmake --build --preset release

deps:
	cmake/install_dependencies.sh

test: build
	ctest --preset release

format:
	git ls-files '*.cpp' '*.h' | xargs clang-format-14 -i

clean:
	rm -rf build/release build/asan build/ubsan build/tsan
