# What `cmake --install` writes: headers, library, find_package(vecinal) and pkg-config files.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vecinal)
install(TARGETS vecinal EXPORT vecinal-targets)
install(DIRECTORY include/vecinal DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT vecinal-targets NAMESPACE vecinal:: DESTINATION ${package_dir})

configure_package_config_file(cmake/vecinal-config.cmake.in vecinal-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(vecinal-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vecinal-config.cmake ${PROJECT_BINARY_DIR}/vecinal-config-version.cmake
        DESTINATION ${package_dir})

# The prefix is found from where the file lies, so an installed tree may be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
configure_file(cmake/vecinal.pc.in vecinal.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vecinal.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
