# xgrammar keeps answers to a grammar. It comes as source, on every system in the same version, and
# is compiled once: the library lies next to the source.
set(OKO_XGRAMMAR_VERSION 0.2.9)
oko_unpack_sdist(xgrammar_root xgrammar ${OKO_XGRAMMAR_VERSION}
  87b466bca2475e29bb0323abc62c6c33cbcbcff47e5fb800a3e2099ac9620b90)

set(system ${CMAKE_SYSTEM_NAME}${CMAKE_OSX_DEPLOYMENT_TARGET}-${CMAKE_SYSTEM_PROCESSOR})
# Other options make another library.
file(SHA256 ${CMAKE_CURRENT_LIST_DIR}/xgrammar/CMakeLists.txt options)
string(SUBSTRING ${options} 0 8 options)
set(xgrammar_library ${xgrammar_root}/libxgrammar-${system}-${options}.a)
if(NOT EXISTS ${xgrammar_library})
  message(STATUS "Compiling xgrammar ${OKO_XGRAMMAR_VERSION}, once")
  string(RANDOM LENGTH 8 suffix)
  set(folder ${xgrammar_root}/build.${suffix})
  set(arguments -DOKO_XGRAMMAR=${xgrammar_root})
  foreach(name CXX_COMPILER CXX_COMPILER_LAUNCHER TOOLCHAIN_FILE OSX_DEPLOYMENT_TARGET)
    if(CMAKE_${name})
      list(APPEND arguments -DCMAKE_${name}=${CMAKE_${name}})
    endif()
  endforeach()
  foreach(name ${CMAKE_TRY_COMPILE_PLATFORM_VARIABLES}) # of a toolchain file
    list(APPEND arguments -D${name}=${${name}})
  endforeach()
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/xgrammar -B ${folder}
    -G ${CMAKE_GENERATOR} ${arguments} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${folder} OUTPUT_QUIET
    COMMAND_ERROR_IS_FATAL ANY)
  file(RENAME ${folder}/libxgrammar.a ${xgrammar_library})
  file(REMOVE_RECURSE ${folder})
endif()

add_library(xgrammar STATIC IMPORTED)
set_target_properties(xgrammar PROPERTIES IMPORTED_LOCATION ${xgrammar_library})
target_include_directories(xgrammar SYSTEM INTERFACE ${xgrammar_root}/include
  ${xgrammar_root}/3rdparty/dlpack/include)
target_link_libraries(xgrammar INTERFACE Threads::Threads)
