# MLX comes as a wheel: headers, library and CMake package. pip only downloads and checks it; no
# Python runs later. The version is exact because MLX's C++ headers change between releases.
set(OKO_MLX_VERSION 0.32.4)
set(OKO_DEPS_DIR "${CMAKE_SOURCE_DIR}/build/deps" CACHE PATH "Where downloaded dependencies are kept")

if(APPLE)
  set(mlx_package mlx-metal)
  set(mlx_platform macosx_14_0_arm64)
  set(mlx_sha256 8019b2db622599267d66cc168b2f0dbf5af929790a6c3b3913e00eabc42a7947)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(mlx_package mlx-cpu)
  set(mlx_platform manylinux_2_35_aarch64)
  set(mlx_sha256 1289e85e64af1fd16380bf331438bfe4afe875d27afc3e0bcf35f427c488fadd)
else()
  set(mlx_package mlx-cpu)
  set(mlx_platform manylinux_2_35_x86_64)
  set(mlx_sha256 0e0a24fa2ce8b6b94d2e6a90604e8813aa8e29fcb918bb2aa01cfb6d133d8cee)
endif()

string(REPLACE "-" "_" mlx_file ${mlx_package})
set(mlx_wheel ${OKO_DEPS_DIR}/${mlx_file}-${OKO_MLX_VERSION}-py3-none-${mlx_platform}.whl)
set(mlx_root ${OKO_DEPS_DIR}/${mlx_package}-${OKO_MLX_VERSION})

if(NOT EXISTS ${mlx_root}/mlx/share/cmake/MLX/MLXConfig.cmake)
  if(NOT EXISTS ${mlx_wheel})
    message(STATUS "Downloading ${mlx_package} ${OKO_MLX_VERSION}")
    find_program(OKO_PYTHON python3 REQUIRED)
    execute_process(
      COMMAND ${OKO_PYTHON} -m pip download --quiet --no-deps --only-binary=:all:
        --platform ${mlx_platform} --python-version 3.11 --dest ${OKO_DEPS_DIR}
        ${mlx_package}==${OKO_MLX_VERSION}
      RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
      message(FATAL_ERROR "pip could not download ${mlx_package} ${OKO_MLX_VERSION} "
        "(is the package index reachable, is python3-pip installed?)")
    endif()
  endif()
  file(SHA256 ${mlx_wheel} actual)
  if(NOT actual STREQUAL mlx_sha256)
    message(FATAL_ERROR "${mlx_wheel}: SHA-256 is ${actual}, expected ${mlx_sha256}; delete the file and try again")
  endif()
  # Extracted beside and renamed, so that two configures at once never see half a package.
  string(RANDOM LENGTH 8 suffix)
  file(ARCHIVE_EXTRACT INPUT ${mlx_wheel} DESTINATION ${mlx_root}.${suffix})
  if(NOT EXISTS ${mlx_root})
    file(RENAME ${mlx_root}.${suffix} ${mlx_root})
  endif()
endif()

find_package(MLX ${OKO_MLX_VERSION} EXACT CONFIG REQUIRED PATHS ${mlx_root}/mlx NO_DEFAULT_PATH)
# MLX's headers warn under our flags; as system headers they do not.
get_target_property(mlx_includes mlx INTERFACE_INCLUDE_DIRECTORIES)
set_target_properties(mlx PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${mlx_includes}")
if(APPLE)
  # The wheel's target names absolute paths of the machine that built it.
  set_target_properties(mlx PROPERTIES INTERFACE_LINK_LIBRARIES
    "-framework Metal;-framework Foundation;-framework QuartzCore;-framework Accelerate")
endif()
