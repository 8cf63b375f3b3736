# The tests written for node: one ctest entry a file, each with a stack of its own if its head asks for one (lib/run-file).
file(GLOB suites CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}
  ${CMAKE_CURRENT_SOURCE_DIR}/api/*.test.mjs ${CMAKE_CURRENT_SOURCE_DIR}/faults/*.test.mjs ${CMAKE_CURRENT_SOURCE_DIR}/lint/*.test.mjs)
foreach(suite ${suites})
  cmake_path(GET suite PARENT_PATH folder)
  cmake_path(GET suite FILENAME noun)
  string(REPLACE ".test.mjs" "" noun ${noun})
  string(REPLACE "-" "_" noun ${noun})
  add_test(NAME ${folder}_${noun}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lib/run-file ${CMAKE_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${suite})
  # run-file ends a test that hangs; this is for a run-file that hangs.
  set_tests_properties(${folder}_${noun} PROPERTIES TIMEOUT 600)
endforeach()
