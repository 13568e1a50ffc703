# cmake -DMACOS=15.6 -DTARGET= -DPROCESSOR=arm64 -P choose_mlx_wheel.cmake: prints the wheel's
# platform.
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/mlx_wheel.cmake)
oko_choose_mlx_wheel("${MACOS}" "${TARGET}" "${PROCESSOR}")
string(LENGTH ${mlx_sha256} length)
message("${mlx_platform} ${length}")
