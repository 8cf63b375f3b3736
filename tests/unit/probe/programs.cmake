# probe_trial: probes by themselves, for tests/api/probes.test.mjs and ssrf.test.mjs. Its names come from a resolver of the test's own.
add_executable(probe_trial EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/unit/probe/probe_trial.c)
target_link_libraries(probe_trial PRIVATE opshub_probe)
target_link_options(probe_trial PRIVATE -Wl,--wrap=getaddrinfo)
set_target_properties(probe_trial PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_dependencies(unit_tests probe_trial)
