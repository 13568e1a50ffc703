# oko_choose_mlx_wheel(MACOS TARGET PROCESSOR): sets mlx_platform and mlx_sha256 of the newest
# mlx-metal wheel that a program may load. MACOS is the version of this system; TARGET is
# CMAKE_OSX_DEPLOYMENT_TARGET, the oldest system that the program is for, or empty for this one. A
# function of its own, so that a test can call it on any system.
#
# Each wheel's libmlx.dylib names the macOS below which dyld refuses it: 14.0, 15.0 and 26.2, though
# the last one's file name says 26.0. That one alone has kernels for the neural accelerators of the
# M5.
set(OKO_MLX_VERSION 0.32.4)
set(oko_mlx_wheels # least macOS, the wheel's platform, its SHA-256
  "26.2 macosx_26_0_arm64 514df92d41a286895d2564b4b18f4da45096bd7a4a0c47e1042f345ad5a7f936"
  "15.0 macosx_15_0_arm64 9f0a3cc26d89724434d9684932fc6f3e4e83669d2a895d858ed2c8a55eb84e8b"
  "14.0 macosx_14_0_arm64 8019b2db622599267d66cc168b2f0dbf5af929790a6c3b3913e00eabc42a7947")

function(oko_choose_mlx_wheel macos target processor)
  if(NOT processor STREQUAL "arm64")
    message(FATAL_ERROR "oko needs Apple Silicon: MLX has no build for Macs with ${processor}. On "
      "Apple Silicon this is a program of Intel's, run by Rosetta: use a terminal, Homebrew "
      "(/opt/homebrew) and cmake of arm64.")
  endif()
  if(NOT macos MATCHES "^[0-9]+(\\.[0-9]+)*$")
    message(FATAL_ERROR "sw_vers -productVersion does not say which macOS this is: \"${macos}\"")
  endif()
  set(needed ${macos})
  if(target)
    if(target VERSION_GREATER macos)
      message(FATAL_ERROR "CMAKE_OSX_DEPLOYMENT_TARGET is ${target}, this is macOS ${macos}: the "
        "program and its MLX would be too new for this system. Choose ${macos} or less, or none.")
    endif()
    set(needed ${target})
  endif()
  foreach(wheel IN LISTS oko_mlx_wheels)
    string(REPLACE " " ";" wheel ${wheel})
    list(GET wheel 0 least)
    if(needed VERSION_GREATER_EQUAL least)
      list(GET wheel 1 platform)
      list(GET wheel 2 sha256)
      set(mlx_platform ${platform} PARENT_SCOPE)
      set(mlx_sha256 ${sha256} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR
    "MLX ${OKO_MLX_VERSION} needs macOS 14 or later; asked for is macOS ${needed}.")
endfunction()
