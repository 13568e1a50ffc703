# The installed tree, which may be moved: bin/oko finds lib/oko and share/oko from its own place.
# Libraries that come as wheels are in lib/oko; all others are the system's, or Homebrew's.
get_target_property(mlx_library mlx IMPORTED_LOCATION_RELEASE)
get_target_property(pdfium_library pdfium IMPORTED_LOCATION)
set(bundled_libraries ${mlx_library} ${pdfium_library})
if(APPLE)
  set(origin @loader_path)
  get_filename_component(mlx_folder ${mlx_library} DIRECTORY)
  list(APPEND bundled_libraries ${mlx_folder}/mlx.metallib) # MLX looks for it next to itself
else()
  set(origin $ORIGIN)
  file(GLOB mlx_needs ${mlx_root}/mlx_cpu.libs/*)
  list(APPEND bundled_libraries ${mlx_needs})
endif()

set_target_properties(oko PROPERTIES INSTALL_RPATH ${origin}/../lib/oko)
install(TARGETS oko RUNTIME DESTINATION bin)
install(FILES ${bundled_libraries} DESTINATION lib/oko)
if(APPLE)
  install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/sign_installed.cmake)
else()
  # The wheel keeps what libmlx.so needs in another folder.
  install(CODE "file(RPATH_CHANGE
    FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/oko/libmlx.so\"
    OLD_RPATH [[$ORIGIN/../../mlx_cpu.libs]] NEW_RPATH [[$ORIGIN]])")
endif()
# Manual pages and completions of shells: the program writes them, in English and in Russian.
install(CODE [[
  string(TIMESTAMP date "%Y-%m-%d" UTC) # or SOURCE_DATE_EPOCH
  foreach(language C ru)
    execute_process(
      COMMAND ${CMAKE_COMMAND} -E env LC_ALL=${language} $<TARGET_FILE:oko>
        --write-help-files $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share ${date}
      COMMAND_ERROR_IS_FATAL ANY)
  endforeach()]])
# The program finds these in share/oko, and demo/ in a build folder (base/data_folder.h).
install(DIRECTORY ${CMAKE_SOURCE_DIR}/demo/ DESTINATION share/oko PATTERN run.sh EXCLUDE
  PATTERN e5-small-ru-en EXCLUDE PATTERN texts EXCLUDE)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/README.ru.md
  ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/NOTICE DESTINATION share/doc/oko)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs DESTINATION share/doc/oko) # README has links to them
# The licences that NOTICE names; those of the wheels are in the wheels.
set(licenses share/doc/oko/licenses)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/licenses/ DESTINATION ${licenses})
file(GLOB mlx_license ${mlx_root}/*.dist-info/licenses/LICENSE)
install(FILES ${mlx_license} DESTINATION ${licenses} RENAME mlx.txt)
file(GLOB pdfium_licenses ${pdfium_root}/*.dist-info/licenses/BUILD_LICENSES)
install(DIRECTORY ${pdfium_licenses}/ DESTINATION ${licenses}/pdfium
  PATTERN android EXCLUDE PATTERN cibw_musl EXCLUDE PATTERN pbin_musl EXCLUDE
  PATTERN v8_xfa EXCLUDE)
