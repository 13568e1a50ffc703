# Packages that come as wheels are data to oko: pip only downloads and checks them, no Python runs
# later.
set(OKO_DEPS_DIR "${CMAKE_SOURCE_DIR}/build/deps"
  CACHE PATH "Where downloaded dependencies are kept")

function(oko_check_download package version result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "pip could not download ${package} ${version} "
      "(is the package index reachable, is python3-pip installed?)")
  endif()
endfunction()

# oko_unpack(ARCHIVE ROOT SHA256): to the folder ROOT.
function(oko_unpack archive root sha256)
  file(SHA256 ${archive} actual)
  if(NOT actual STREQUAL sha256)
    message(FATAL_ERROR "${archive}: SHA-256 is ${actual}, expected ${sha256}; delete the file and "
      "try again")
  endif()
  # Extracted next to its place, then renamed, so that two configures at once never see half a
  # package.
  string(RANDOM LENGTH 8 suffix)
  file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${root}.${suffix})
  if(NOT EXISTS ${root})
    file(RENAME ${root}.${suffix} ${root})
  endif()
endfunction()

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
    oko_check_download(${package} ${version} ${result})
    file(GLOB wheel ${OKO_DEPS_DIR}/${file}-${version}-*${platform}*.whl)
  endif()
  oko_unpack(${wheel} ${root} ${sha256})
endfunction()

# oko_unpack_sdist(OUT PACKAGE VERSION SHA256): the same for a package of source.
function(oko_unpack_sdist out package version sha256)
  set(root ${OKO_DEPS_DIR}/${package}-${version})
  set(${out} ${root}/${package}-${version} PARENT_SCOPE)
  if(EXISTS ${root})
    return()
  endif()
  set(archive ${OKO_DEPS_DIR}/${package}-${version}.tar.gz)
  if(NOT EXISTS ${archive})
    message(STATUS "Downloading ${package} ${version}")
    find_program(OKO_PYTHON python3 REQUIRED)
    # pip runs a part of the package to read its metadata, so it must check the file itself.
    set(wanted ${OKO_DEPS_DIR}/${package}-${version}.txt)
    file(WRITE ${wanted} "${package}==${version} --hash=sha256:${sha256}\n")
    execute_process(
      COMMAND ${OKO_PYTHON} -m pip download --quiet --no-deps --no-binary ${package}
        --require-hashes --dest ${OKO_DEPS_DIR} --requirement ${wanted}
      RESULT_VARIABLE result)
    oko_check_download(${package} ${version} ${result})
  endif()
  oko_unpack(${archive} ${root} ${sha256})
endfunction()
