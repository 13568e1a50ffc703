# Compiles oko for arm64 macOS on Linux, and links it as far as that goes without Apple's SDK.
# tools/mac/check.sh passes:
#   OKO_MAC_COMPILER  clang19 (with libc++ 19, whose availability is Xcode 16's) or clang22 (zig's)
#   OKO_MAC_WRAPPERS  the folder of the commands of these names, which find Apple's headers
#   OKO_MAC_TARGET    the deployment target, such as 14.0
#   OKO_MAC_PREFIX    what make_prefix.py wrote: headers and lists of symbols in place of Homebrew's
#   OKO_MAC_LIBCXX    the folder of libc++ 19's headers
#   OKO_MAC_LIBCXX_SITE  the folder of its __config_site, with Apple's availability on
#   OKO_ZIG           zig, which has Darwin's C headers, libc++ 22 and a linker
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_VERSION 23.0) # Darwin's, of macOS 14
set(CMAKE_SYSTEM_PROCESSOR arm64)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES OKO_MAC_COMPILER OKO_MAC_WRAPPERS OKO_MAC_TARGET
  OKO_MAC_PREFIX OKO_MAC_LIBCXX OKO_MAC_LIBCXX_SITE OKO_ZIG OKO_DEPS_DIR)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(flags -target arm64-apple-macosx${OKO_MAC_TARGET} -nostdinc)
cmake_path(GET OKO_ZIG PARENT_PATH zig_lib)
string(APPEND zig_lib /lib)
set(system_headers -isystem ${zig_lib}/libc/include/any-darwin-any)
if(OKO_MAC_COMPILER STREQUAL clang22)
  # As zig compiles its libc++, but with Apple's availability, which a Mac's has. fmt 9 and 10,
  # whose headers stand in for Homebrew's, have consteval functions that clang 22 does not take.
  set(cxx_flags -DFMT_CONSTEVAL= -nostdinc++ -isystem ${zig_lib}/libcxx/include
    -isystem ${zig_lib}/libcxxabi/include -D_LIBCPP_ABI_VERSION=1
    -D_LIBCPP_ABI_NAMESPACE=__1 -D_LIBCPP_HAS_THREADS=1
    -D_LIBCPP_HAS_MONOTONIC_CLOCK -D_LIBCPP_HAS_TERMINAL -D_LIBCPP_HAS_MUSL_LIBC=0
    -D_LIBCXXABI_DISABLE_VISIBILITY_ANNOTATIONS -D_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS
    -D_LIBCPP_HAS_VENDOR_AVAILABILITY_ANNOTATIONS=1 -D_LIBCPP_HAS_FILESYSTEM=1
    -D_LIBCPP_HAS_RANDOM_DEVICE -D_LIBCPP_HAS_LOCALIZATION -D_LIBCPP_HAS_UNICODE
    -D_LIBCPP_HAS_WIDE_CHARACTERS -D_LIBCPP_HAS_NO_STD_MODULES -D_LIBCPP_PSTL_BACKEND_SERIAL
    -D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_NONE
    -D_LIBCPP_ASSERTION_SEMANTIC_DEFAULT=_LIBCPP_ASSERTION_SEMANTIC_IGNORE
    -isystem ${zig_lib}/include ${system_headers})
  set(c_flags -isystem ${zig_lib}/include ${system_headers})
else()
  execute_process(COMMAND clang++-19 -print-resource-dir
    OUTPUT_VARIABLE resources OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  # Zig's <math.h> leaves these two to a newer compiler.
  set(cxx_flags -nostdinc++ -isystem ${OKO_MAC_LIBCXX_SITE} -isystem ${OKO_MAC_LIBCXX}
    -isystem ${resources}/include
    ${system_headers} "'-DINFINITY=__builtin_inff()'" "'-DNAN=__builtin_nanf(\"\")'")
  set(c_flags -isystem ${resources}/include ${system_headers})
endif()
string(JOIN " " c_flags ${flags} ${c_flags})
string(JOIN " " cxx_flags ${flags} ${cxx_flags})

set(CMAKE_C_COMPILER ${OKO_MAC_WRAPPERS}/${OKO_MAC_COMPILER})
set(CMAKE_C_FLAGS_INIT "${c_flags}")
foreach(language CXX OBJCXX)
  set(CMAKE_${language}_COMPILER ${OKO_MAC_WRAPPERS}/${OKO_MAC_COMPILER}++)
  set(CMAKE_${language}_FLAGS_INIT "-Werror ${cxx_flags}")
  set(CMAKE_${language}_FLAGS_RELEASE -DNDEBUG CACHE STRING "") # not optimized: it never runs
endforeach()
foreach(language C CXX OBJCXX)
  set(CMAKE_${language}_ARCHIVE_CREATE "${OKO_ZIG} ar rcs <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "")
endforeach()
# link_symbols.py looks up what `dynamic_lookup` leaves open. zig compiles its libc++ once for each
# target, so all are linked for one.
string(JOIN " " CMAKE_CXX_LINK_EXECUTABLE "${OKO_MAC_WRAPPERS}/link <TARGET> ${OKO_ZIG} c++"
  "-target aarch64-macos.14.0 -O0 -Wl,-undefined,dynamic_lookup <OBJECTS> -o <TARGET>"
  "<LINK_LIBRARIES> -F${OKO_MAC_PREFIX}/apple/Frameworks -L${OKO_MAC_PREFIX}/apple/lib -lobjc")
set(CMAKE_AR /bin/false)
set(CMAKE_RANLIB /bin/false)
set(CMAKE_INSTALL_NAME_TOOL /bin/true)
set(CMAKE_OSX_SYSROOT "")

set(CMAKE_FIND_ROOT_PATH ${OKO_MAC_PREFIX} ${OKO_DEPS_DIR})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${OKO_MAC_PREFIX}/lib/pkgconfig)
