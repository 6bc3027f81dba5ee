# cmake -D BUILD=… -D SOURCE=… -D COMPILER=… -D FLAGS=… -P check_install.cmake
set(root ${BUILD}/install_test)
file(REMOVE_RECURSE ${root})

function(run expected)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "exit code ${status} of: ${ARGN}\n${output}")
  endif()
  if(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "the output of ${ARGN} does not match ${expected}:\n${output}")
  endif()
endfunction()

run("" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${root}/usr)
run("emq|eventmq" ${root}/usr/bin/emq --version)
run("emq router" ${root}/usr/bin/emq-router --help)
run("emq jobmanager" ${root}/usr/bin/emq-jobmanager --help)
run("emq-cli" ${root}/usr/bin/emq-cli --help)

run("" ${CMAKE_COMMAND} -G Ninja -S ${SOURCE}/consumer -B ${root}/consumer -D CMAKE_PREFIX_PATH=${root}/usr
    -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_FLAGS=${FLAGS})
run("" ${CMAKE_COMMAND} --build ${root}/consumer)
run("queue-full" ${root}/consumer/consumer words)
run("--broker|--connect-addr|[Uu]sage" ${root}/consumer/consumer --help)
