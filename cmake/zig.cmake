# oko_unpack_zig(OUT): sets OUT to zig, a C++ compiler and linker for macOS that comes as a wheel.
# Checks alone use it.
function(oko_unpack_zig out)
  cmake_host_system_information(RESULT processor QUERY OS_PLATFORM)
  if(processor MATCHES "aarch64|arm64")
    oko_unpack_wheel(root ziglang 0.17.1 manylinux_2_17_aarch64
      b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e)
  else()
    oko_unpack_wheel(root ziglang 0.17.1 manylinux_2_12_x86_64
      ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54)
  endif()
  file(CHMOD ${root}/ziglang/zig PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
  set(${out} ${root}/ziglang/zig PARENT_SCOPE)
endfunction()
