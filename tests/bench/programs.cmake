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
# bench_target and bench_bare_probes: the figure "probes".
pkg_check_modules(LIBCURL REQUIRED IMPORTED_TARGET libcurl)
add_executable(bench_target EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/target.c)
add_executable(bench_bare_probes EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bare_probes.c)
target_link_libraries(bench_bare_probes PRIVATE PkgConfig::LIBCURL)
foreach(name bench_target bench_bare_probes)
  target_link_libraries(${name} PRIVATE opshub_flags)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endforeach()
