# Compilers spend half their time in headers of libraries; here they read them once a tree. Sources
# of oko gain much with sanitizers and a tenth without, tests a quarter. A Mac builds without: what
# a source forgets to include shows there, and in the Mac check, which precompiles for tests alone:
# GoogleTest's headers, and all where it compiles in batches.
set(OKO_PRECOMPILE OFF)
set(OKO_PRECOMPILE_TESTS OFF)
if(NOT APPLE OR OKO_MAC_COMPILER)
  set(OKO_PRECOMPILE_TESTS ${OKO_BUILD_TESTS})
endif()
if(OKO_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND NOT APPLE)
  set(OKO_PRECOMPILE ON)
endif()

# oko_precompile(TARGET [-O0]): TARGET, compiled without more options of its own than -O0, has the
# headers precompiled where sources have.
function(oko_precompile target)
  if(OKO_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM oko_headers${ARGN})
  endif()
endfunction()

# oko_precompile_test(TARGET): the same for a test, compiled with -O0; GoogleTest's headers, too.
function(oko_precompile_test target)
  if(OKO_PRECOMPILE_TESTS)
    target_precompile_headers(${target} REUSE_FROM oko_headers-O0)
  endif()
endfunction()

if(NOT OKO_PRECOMPILE AND NOT OKO_PRECOMPILE_TESTS)
  return()
endif()
# Some libraries need these, and users of one precompiled header must not differ in them.
target_compile_options(oko_options INTERFACE -pthread)
target_compile_definitions(oko_options INTERFACE $<$<PLATFORM_ID:Linux>:_LARGEFILE64_SOURCE>)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/no_code.cpp CONTENT "// CMake wants a source.\n")
foreach(options "" -O0)
  add_library(oko_headers${options} OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/no_code.cpp)
  target_compile_options(oko_headers${options} PRIVATE ${options})
  target_link_libraries(oko_headers${options} PRIVATE
    oko_options fmt::fmt mlx nlohmann_json::nlohmann_json)
  if(NOT APPLE OR OKO_BATCH_SIZE)
    target_precompile_headers(oko_headers${options} PRIVATE <chrono> <condition_variable>
      <filesystem> <fstream> <random> <span> <thread> <fmt/format.h> <nlohmann/json.hpp>)
  endif()
  # gcc reads the headers one by one where its options differ after all, and not all tests find MLX.
  if(OKO_PRECOMPILE)
    target_precompile_headers(oko_headers${options} PRIVATE <mlx/mlx.h>)
  endif()
endforeach()
if(OKO_BUILD_TESTS)
  target_link_libraries(oko_headers-O0 PRIVATE GTest::gtest)
  target_precompile_headers(oko_headers-O0 PRIVATE <gtest/gtest.h>)
endif()
