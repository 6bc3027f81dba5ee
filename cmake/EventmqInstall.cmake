# What `cmake --install build` lays down: emq and its old names, the library, its headers and CMake package.

# The programs of the original EventMQ; emq looks at the name it was called by.
set(legacy_names emq-router emq-jobmanager emq-cli)

if(TARGET emq)
  install(TARGETS emq RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  foreach(name ${legacy_names})
    install(CODE "file(CREATE_LINK emq \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/${name}\" SYMBOLIC)")
  endforeach()
endif()

if(TARGET eventmq)
  include(CMakePackageConfigHelpers)
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/eventmq)
  install(TARGETS eventmq EXPORT eventmq LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY include/eventmq DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
  install(EXPORT eventmq NAMESPACE eventmq:: FILE eventmq-targets.cmake DESTINATION ${package_dir})
  file(WRITE ${PROJECT_BINARY_DIR}/eventmq-config.cmake [[
include(CMakeFindDependencyMacro)
find_dependency(tl-expected)
find_dependency(nlohmann_json)
include(${CMAKE_CURRENT_LIST_DIR}/eventmq-targets.cmake)
]])
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/eventmq-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/eventmq-config.cmake ${PROJECT_BINARY_DIR}/eventmq-config-version.cmake
          DESTINATION ${package_dir})
endif()

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/eventmq)
