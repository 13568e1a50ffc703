# Signs an installed program and its libraries anew, for this machine (ad hoc): the installation has
# changed them, and macOS kills a program whose signature does not fit, without a message.
set(installed $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX})
file(GLOB libraries ${installed}/lib/oko/*.dylib)
foreach(file IN LISTS libraries ITEMS ${installed}/bin/oko) # the program last
  execute_process(COMMAND codesign --force --sign - ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
foreach(file IN LISTS libraries ITEMS ${installed}/bin/oko)
  execute_process(COMMAND codesign --verify --strict ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
