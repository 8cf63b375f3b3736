# edge_server: core/http with nothing around it, for tests/api/edge.test.mjs. bench_hello: the yardstick of its speed.
add_executable(edge_server EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/unit/http/edge_server.c)
target_link_libraries(edge_server PRIVATE opshub_http)
set_target_properties(edge_server PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_dependencies(unit_tests edge_server)

add_executable(bench_hello EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/hello.c)
target_compile_definitions(bench_hello PRIVATE H2O_USE_LIBUV=0)
target_include_directories(bench_hello SYSTEM PRIVATE ${H2O_INCLUDE})
target_link_libraries(bench_hello PRIVATE opshub_http)
set_target_properties(bench_hello PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
