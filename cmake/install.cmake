# install.cmake - manual pages and completions from the command itself, and what goes where on installation.

# ---- generated documents: one folder, laid out as it is installed -----------------------------------------------------
set(generated ${CMAKE_BINARY_DIR}/share)
add_custom_command(
  OUTPUT ${generated}/stamp
  COMMAND ${CMAKE_COMMAND} -DCOMMAND=$<TARGET_FILE:backprop> -DOUT=${generated} -P ${CMAKE_SOURCE_DIR}/cmake/generate.cmake
  DEPENDS backprop ${CMAKE_SOURCE_DIR}/cmake/generate.cmake
  COMMENT "Writing manual pages and completions")
add_custom_target(manuals ALL DEPENDS ${generated}/stamp)

# Everything that is installed, without tests and examples.
add_custom_target(product DEPENDS backprop backprop_static backprop_shared backprop_io_static backprop_io_shared manuals)

install(TARGETS backprop)
install(DIRECTORY ${generated}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${generated}/completions/backprop.bash RENAME backprop
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${generated}/completions/backprop.zsh RENAME _backprop
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${generated}/completions/backprop.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# ---- libraries: find_package(backprop) gives backprop::backprop, backprop::io, and both as ..._static ------------------
install(DIRECTORY include/backprop DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
set_target_properties(backprop_shared PROPERTIES EXPORT_NAME backprop)
set_target_properties(backprop_io_shared PROPERTIES EXPORT_NAME io)
set_target_properties(backprop_io_static PROPERTIES EXPORT_NAME io_static)
install(TARGETS backprop_shared backprop_io_shared backprop_static backprop_io_static EXPORT backprop-targets)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/backprop)
install(EXPORT backprop-targets NAMESPACE backprop:: DESTINATION ${package})
configure_package_config_file(cmake/backprop-config.cmake.in ${CMAKE_BINARY_DIR}/backprop-config.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/backprop-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/backprop-config.cmake ${CMAKE_BINARY_DIR}/backprop-config-version.cmake
        DESTINATION ${package})

# ---- pkg-config: paths relative to the .pc file, so that an installed copy can be moved --------------------------------
function(flags_of out)
  list(TRANSFORM ARGN REPLACE "^([^/]+)$" "-l\\1")
  list(JOIN ARGN " " joined)
  set(${out} "${joined}" PARENT_SCOPE)
endfunction()
flags_of(core_private_flags ${core_private})

if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
  set(pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
  file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
foreach(module backprop backprop-io)
  configure_file(cmake/${module}.pc.in ${CMAKE_BINARY_DIR}/${module}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${module}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
