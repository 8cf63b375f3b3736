# key_pattern_trial: patterns of keys by themselves, for tests/api/key-pattern.test.mjs.
add_executable(key_pattern_trial EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/unit/model/key_pattern_trial.c)
target_link_libraries(key_pattern_trial PRIVATE opshub_model)
set_target_properties(key_pattern_trial PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_dependencies(unit_tests key_pattern_trial)
