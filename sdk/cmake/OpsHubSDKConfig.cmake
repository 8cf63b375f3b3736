# find_package(OpsHubSDK): OpsHub::sdk (the headers), opshub_plugin(NAME SOURCES...), OpsHub::plugin-check (the program).
get_filename_component(OPSHUB_SDK_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET OpsHub::sdk)
  add_library(OpsHub::sdk INTERFACE IMPORTED)
  set_target_properties(OpsHub::sdk PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${OPSHUB_SDK_PREFIX}/include")
  add_executable(OpsHub::plugin-check IMPORTED)
  set_target_properties(OpsHub::plugin-check PROPERTIES IMPORTED_LOCATION "${OPSHUB_SDK_PREFIX}/bin/opshub-plugin-check")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/OpsHubPlugin.cmake")
