# With sanitizers clang spends half its time in headers of libraries; here it reads them once a
# tree. gcc would gain a tenth. Both compile sources in batches, too (OKO_UNITY).
set(OKO_PRECOMPILE OFF)
if(OKO_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND NOT APPLE)
  set(OKO_PRECOMPILE ON)
endif()

# oko_precompile(TARGET [-O0]): TARGET, compiled without more options of its own than -O0, has the
# headers precompiled; with -O0, the tests and the command line, also those of GoogleTest.
function(oko_precompile target)
  if(OKO_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM oko_headers${ARGN})
  endif()
endfunction()

if(NOT OKO_PRECOMPILE)
  return()
endif()
# Some libraries need it, and users of one precompiled header must not differ in it.
target_compile_options(oko_options INTERFACE -pthread)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/no_code.cpp CONTENT "// CMake wants a source.\n")
foreach(options "" -O0)
  add_library(oko_headers${options} OBJECT ${CMAKE_BINARY_DIR}/no_code.cpp)
  target_compile_options(oko_headers${options} PRIVATE ${options})
  target_link_libraries(oko_headers${options} PRIVATE
    oko_options fmt::fmt mlx nlohmann_json::nlohmann_json)
  target_precompile_headers(oko_headers${options} PRIVATE <chrono> <condition_variable> <filesystem>
    <fstream> <random> <span> <thread> <fmt/format.h> <mlx/mlx.h> <nlohmann/json.hpp>)
endforeach()
if(OKO_BUILD_TESTS)
  target_link_libraries(oko_headers-O0 PRIVATE GTest::gtest)
  target_precompile_headers(oko_headers-O0 PRIVATE <gtest/gtest.h>)
endif()
