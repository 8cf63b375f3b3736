# bench_load: the load generator of tests/bench/run. Its yardstick bench_hello is in unit/http/programs.cmake.
pkg_check_modules(LIBCRYPTO REQUIRED IMPORTED_TARGET libcrypto)
add_executable(bench_load EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/load.c ${CMAKE_CURRENT_SOURCE_DIR}/bench/requests.c
  ${CMAKE_CURRENT_SOURCE_DIR}/bench/latency.c)
target_link_libraries(bench_load PRIVATE opshub_flags PkgConfig::LIBCRYPTO)
set_target_properties(bench_load PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
# bench_secrets: the figure "keys".
add_executable(bench_secrets EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/secrets.c)
target_link_libraries(bench_secrets PRIVATE opshub_store)
set_target_properties(bench_secrets PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
# bench_probe_loop: the figure "probes": core/probe alone, and a bare curl_multi loop beside it.
add_executable(bench_probe_loop EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/probe_loop.c)
target_link_libraries(bench_probe_loop PRIVATE opshub_probe)
set_target_properties(bench_probe_loop PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
# bench_target: what is probed in the figure "probes".
add_executable(bench_target EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/target.c)
target_link_libraries(bench_target PRIVATE opshub_flags)
set_target_properties(bench_target PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
