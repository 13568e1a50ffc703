# Every dependency of oko is asked for here. Makefile installs the system ones (`make deps`).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
include(${CMAKE_CURRENT_LIST_DIR}/wheels.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/mlx.cmake)

find_package(fmt 9 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy>=1.0.3)
pkg_check_modules(vips REQUIRED IMPORTED_TARGET vips>=8.14)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc>=2.6)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash>=0.8)
if(NOT APPLE)  # which reads text itself
  pkg_check_modules(tesseract REQUIRED IMPORTED_TARGET tesseract>=5.0)
  pkg_check_modules(lept REQUIRED IMPORTED_TARGET lept>=1.79)
  find_package(OpenMP)  # of Tesseract, where it has that: to keep it to one thread
endif()
if(OKO_BUILD_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()
if(OKO_BUILD_BENCH)
  find_package(benchmark 1.7 REQUIRED)
endif()
