# libeventmq.so: what a user's program links to send jobs or to run them. It holds every folder that the
# public headers (include/eventmq) stand on.

set(public_folders client programs)

# The folders that these need, themselves among them.
function(eventmq_closure result)
  set(todo ${ARGN})
  set(closure)
  while(todo)
    list(POP_FRONT todo folder)
    if(TARGET eventmq_${folder} AND NOT folder IN_LIST closure)
      list(APPEND closure ${folder})
      get_target_property(depends eventmq_${folder} EVENTMQ_DEPENDS)
      if(depends)
        list(APPEND todo ${depends})
      endif()
    endif()
  endwhile()
  set(${result} ${closure} PARENT_SCOPE)
endfunction()

if(TARGET eventmq_client)
  eventmq_closure(folders ${public_folders})
  add_library(eventmq SHARED)
  add_library(eventmq::eventmq ALIAS eventmq)
  foreach(folder ${folders})
    get_target_property(type eventmq_${folder} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      target_sources(eventmq PRIVATE $<TARGET_OBJECTS:eventmq_${folder}>)
    endif()
    get_target_property(links eventmq_${folder} EVENTMQ_LINKS)
    if(links)
      target_link_libraries(eventmq PRIVATE ${links})
    endif()
  endforeach()
  target_include_directories(eventmq PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(eventmq PUBLIC cxx_std_20)
  target_link_libraries(eventmq PUBLIC tl::expected nlohmann_json::nlohmann_json)
  set_target_properties(eventmq PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                                           LINKER_LANGUAGE CXX)
endif()
