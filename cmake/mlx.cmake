# MLX comes as a wheel: headers, library and CMake package. The version is exact because MLX's C++
# headers change between releases.
include(${CMAKE_CURRENT_LIST_DIR}/mlx_wheel.cmake)

if(APPLE)
  set(mlx_package mlx-metal)
  execute_process(COMMAND sw_vers -productVersion
    OUTPUT_VARIABLE macos OUTPUT_STRIP_TRAILING_WHITESPACE)
  oko_choose_mlx_wheel("${macos}" "${CMAKE_OSX_DEPLOYMENT_TARGET}" "${CMAKE_SYSTEM_PROCESSOR}")
  set(mlx_suffix -${mlx_platform})
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(mlx_package mlx-cpu)
  set(mlx_platform manylinux_2_35_aarch64)
  set(mlx_sha256 1289e85e64af1fd16380bf331438bfe4afe875d27afc3e0bcf35f427c488fadd)
else()
  set(mlx_package mlx-cpu)
  set(mlx_platform manylinux_2_35_x86_64)
  set(mlx_sha256 0e0a24fa2ce8b6b94d2e6a90604e8813aa8e29fcb918bb2aa01cfb6d133d8cee)
endif()

oko_unpack_wheel(mlx_root ${mlx_package} ${OKO_MLX_VERSION} ${mlx_platform} ${mlx_sha256}
  ${mlx_suffix})
unset(MLX_DIR CACHE) # of the wheel that was chosen when this folder was configured before
find_package(MLX ${OKO_MLX_VERSION} EXACT CONFIG REQUIRED PATHS ${mlx_root}/mlx NO_DEFAULT_PATH)
# MLX's headers warn under our flags; as system headers they do not.
get_target_property(mlx_includes mlx INTERFACE_INCLUDE_DIRECTORIES)
set_target_properties(mlx PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${mlx_includes}")
if(APPLE)
  # The wheel's target names absolute paths of the machine that built it.
  set_target_properties(mlx PROPERTIES INTERFACE_LINK_LIBRARIES
    "-framework Metal;-framework Foundation;-framework QuartzCore;-framework Accelerate")
endif()
