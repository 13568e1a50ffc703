# PDFium comes as a wheel with the library only. src/document/pdfium.h declares the functions that
# oko calls.
set(OKO_PDFIUM_VERSION 5.15.2) # of the wheel; PDFium's build 8149
if(APPLE)
  set(platform macosx_13_0_arm64)
  set(sha256 e71fe832e94421ac3c28d6a6ed4a9e61f22417089652d339f391c4ffc2a44c35)
  set(library libpdfium.dylib)
  set(suffix -macos)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(platform manylinux_2_17_aarch64)
  set(sha256 dd46e93c0c3a73f6cea8489baff6d77a5d0759dd53fbbce0aeb49c91830176fc)
  set(library libpdfium.so)
  set(suffix "")
else()
  set(platform manylinux_2_17_x86_64)
  set(sha256 dc31aea5b0fb9fefc9b537a65f4113980b2c40798445736a7e6565bc85161e37)
  set(library libpdfium.so)
  set(suffix "")
endif()
oko_unpack_wheel(pdfium_root pypdfium2 ${OKO_PDFIUM_VERSION} ${platform} ${sha256} ${suffix})
set(pdfium_library ${pdfium_root}/pypdfium2_raw/${library})
if(CMAKE_HOST_APPLE)
  # The library calls itself ./libpdfium.dylib, and a program would look for it in the current
  # folder. A changed library must be signed again.
  set(named ${pdfium_root}/${library})
  if(NOT EXISTS ${named})
    file(COPY_FILE ${pdfium_library} ${named}.part)
    execute_process(
      COMMAND ${CMAKE_INSTALL_NAME_TOOL} -id @rpath/${library} ${named}.part
      COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND codesign --force --sign - ${named}.part COMMAND_ERROR_IS_FATAL ANY)
    file(RENAME ${named}.part ${named})
  endif()
  set(pdfium_library ${named})
endif()
add_library(pdfium SHARED IMPORTED)
set_target_properties(pdfium PROPERTIES IMPORTED_LOCATION ${pdfium_library})
