# cmake -DOKO_DEPS_DIR=FOLDER -P fetch_zig.cmake: prints "zig: PATH".
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/wheels.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/zig.cmake)
oko_unpack_zig(zig)
message("zig: ${zig}")
