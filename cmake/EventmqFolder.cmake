# One folder of sources is one library, and its *_test.cc files are one test program.
#
#   eventmq_folder(broker DEPENDS base wire)
#
# makes the library eventmq_broker from every *.cc here that is not a test, and the program broker_test
# from every *_test.cc. Files are found by their names, so no source and no test can be left out by
# forgetting to list it.
#   DEPENDS       other folders of this project
#   LINKS         third-party targets
#   TEST_DEPENDS  folders that only the tests need
#   EXCLUDE       sources that are built into something else
#   ALONE         sources whose private names other sources here have too: EVENTMQ_UNITY leaves them alone

# With EVENTMQ_PRECOMPILE, the heavy headers of other projects are compiled once for all tests: they are most of the time
# of a build. Sources include what they use all the same, and the tsan preset, which has the option off, shows it.
# Not so for what is optimised: through a precompiled header GCC 12 warns of code of the standard library.
function(eventmq_precompiled_headers)
  set(nothing ${PROJECT_BINARY_DIR}/precompiled/nothing.cc)
  file(WRITE ${nothing} "int main() {}\n")
  add_executable(eventmq_test_pch ${nothing})  # compiled as tests are
  target_link_libraries(eventmq_test_pch PRIVATE nlohmann_json::nlohmann_json fmt::fmt tl::expected
                                                 GTest::gmock GTest::gtest)
  eventmq_test_options(eventmq_test_pch)
  target_precompile_headers(eventmq_test_pch PRIVATE <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>
                                                     <fmt/format.h> <tl/expected.hpp>)
endfunction()

function(eventmq_test_options name)
  target_compile_definitions(${name} PRIVATE EVENTMQ_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                             EVENTMQ_BINARY_DIR="${PROJECT_BINARY_DIR}")
  # Tests are built more often than they are run: what they test is optimised, they are not.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release,None>:-O0>)
endfunction()

function(eventmq_folder name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINKS;TEST_DEPENDS;EXCLUDE;ALONE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  file(GLOB tests CONFIGURE_DEPENDS *_test.cc)
  list(REMOVE_ITEM sources ${tests} "")
  foreach(excluded ${ARG_EXCLUDE})
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${excluded})
  endforeach()
  set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)

  if(sources)
    add_library(eventmq_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(eventmq_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(eventmq_${name} ${scope} ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  set_target_properties(eventmq_${name} PROPERTIES EVENTMQ_DEPENDS "${ARG_DEPENDS}" EVENTMQ_LINKS "${ARG_LINKS}")
  list(TRANSFORM ARG_DEPENDS PREPEND eventmq_)
  target_link_libraries(eventmq_${name} ${scope} ${ARG_DEPENDS} ${ARG_LINKS})

  if(EVENTMQ_BUILD_TESTS AND tests)
    list(TRANSFORM ARG_TEST_DEPENDS PREPEND eventmq_)
    eventmq_test(${name}_test ${tests} LINKS eventmq_${name} ${ARG_TEST_DEPENDS})
  endif()
endfunction()

# A test program: eventmq_test(name source... LINKS target... LABEL label). Every TEST in it becomes a ctest test.
# The label is `unit` for what lies below src and sim, else the folder's name: ctest -L unit.
function(eventmq_test name)
  cmake_parse_arguments(ARG "" "LABEL" "LINKS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gmock GTest::gtest_main)
  eventmq_test_options(${name})
  if(EVENTMQ_PRECOMPILE)
    target_precompile_headers(${name} REUSE_FROM eventmq_test_pch)
  endif()
  eventmq_register_tests(${ARG_UNPARSED_ARGUMENTS})
  if(CMAKE_CURRENT_SOURCE_DIR MATCHES "^${PROJECT_SOURCE_DIR}/(src|sim)(/|$)")
    set(label unit)
    add_dependencies(unit_tests ${name})
  else()
    get_filename_component(label ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  endif()
  if(ARG_LABEL)
    set(label ${ARG_LABEL})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 1200 LABELS ${label})
endfunction()
add_custom_target(unit_tests)

# Notes that these *_test.cc files are built into something; EventmqChecks.cmake stops at one that is not.
function(eventmq_register_tests)
  foreach(source ${ARGN})
    file(REAL_PATH ${source} path BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_property(GLOBAL APPEND PROPERTY EVENTMQ_TEST_SOURCES ${path})
  endforeach()
endfunction()

# Adds a folder if it has a CMakeLists.txt: folders appear as they get content.
function(eventmq_optional_subdirectory folder)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
    add_subdirectory(${folder})
  endif()
endfunction()
