# Checks of the tree itself: every test is registered, every header compiles alone, format, lint.

set(source_folders src include testing sim tests fuzz bench examples)

# A test file that nobody builds would pass for ever.
if(EVENTMQ_BUILD_TESTS)
  get_property(registered GLOBAL PROPERTY EVENTMQ_TEST_SOURCES)
  foreach(folder ${source_folders})
    file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*_test.cc)
    foreach(test ${tests})
      if(NOT test IN_LIST registered)
        list(APPEND unregistered ${test})
      endif()
    endforeach()
  endforeach()
  if(unregistered)
    list(JOIN unregistered "\n  " unregistered)
    message(FATAL_ERROR "No CMakeLists.txt builds these tests (eventmq_folder or eventmq_test does):\n  ${unregistered}")
  endif()
endif()

# A header compiles alone if some source includes it first. For a header with no such source we write one.
function(eventmq_check_headers)
  foreach(folder src include testing sim)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${folder}/*.h)
    list(APPEND headers ${found})
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
    list(APPEND sources ${found})
  endforeach()
  foreach(source ${sources})
    file(STRINGS ${source} first REGEX "^#include" LIMIT_COUNT 1)
    list(APPEND included_first ${first})
  endforeach()
  foreach(header ${headers})
    string(REGEX REPLACE "^include/" "" name ${header})
    if(NOT "#include \"${name}\"" IN_LIST included_first)
      set(alone ${PROJECT_BINARY_DIR}/headers_alone/${name}.cc)
      if(NOT EXISTS ${alone})
        file(WRITE ${alone} "#include \"${name}\"\n")
      endif()
      list(APPEND alones ${alone})
    endif()
  endforeach()
  add_library(headers_alone OBJECT EXCLUDE_FROM_ALL ${alones})
  target_include_directories(headers_alone PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  # As the folders that use them define them.
  target_compile_definitions(headers_alone PRIVATE EVENTMQ_SOURCE_DIR="" EVENTMQ_BINARY_DIR="" EVENTMQ_VERSION="")
  target_compile_options(headers_alone PRIVATE -O0 -g0)
  set_target_properties(headers_alone PROPERTIES UNITY_BUILD OFF)
  target_link_libraries(headers_alone PRIVATE tl::expected fmt::fmt GTest::gtest)
endfunction()
if(EVENTMQ_BUILD_TESTS)
  eventmq_check_headers()
endif()

# Targets for people: format (rewrites), format-check, tidy. They need `packaging/install-packages dev`.
find_program(EVENTMQ_CLANG_FORMAT NAMES clang-format-14 clang-format)
find_program(EVENTMQ_CLANG_TIDY NAMES run-clang-tidy-14 run-clang-tidy)
list(TRANSFORM source_folders REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/\\1/*.cc" OUTPUT_VARIABLE source_patterns)
list(TRANSFORM source_folders REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/\\1/*.h" OUTPUT_VARIABLE header_patterns)
file(GLOB_RECURSE formatted ${source_patterns} ${header_patterns})
if(EVENTMQ_CLANG_FORMAT AND formatted)
  add_custom_target(format COMMAND ${EVENTMQ_CLANG_FORMAT} -i ${formatted} VERBATIM)
  add_custom_target(format-check COMMAND ${EVENTMQ_CLANG_FORMAT} --dry-run --Werror ${formatted} VERBATIM)
endif()
if(EVENTMQ_CLANG_TIDY)
  # By a configuration of its own: it reads no header that GCC has precompiled. Tests need not be fast.
  set(tidy_folder ${PROJECT_BINARY_DIR}/tidy)
  set(tidy_sources "${PROJECT_SOURCE_DIR}/(src|sim|examples|bench|testing)")
  add_custom_target(tidy
    COMMAND ${CMAKE_COMMAND} -S ${PROJECT_SOURCE_DIR} -B ${tidy_folder} -G ${CMAKE_GENERATOR}
            -D CMAKE_BUILD_TYPE=Debug -D CMAKE_EXPORT_COMPILE_COMMANDS=ON -D EVENTMQ_PRECOMPILE=OFF
            -D EVENTMQ_UNITY=OFF
    COMMAND ${EVENTMQ_CLANG_TIDY} -quiet -p ${tidy_folder} "${tidy_sources}/.*(?<!_test)[.]cc$"
    COMMAND ${EVENTMQ_CLANG_TIDY} -quiet -p ${tidy_folder} "-checks=-performance-*,-google-build-using-namespace"
            "${tidy_sources}/.*_test[.]cc$"
    USES_TERMINAL VERBATIM)
endif()
