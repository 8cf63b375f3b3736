# opshub_plugin(NAME SOURCES...): a plugin NAME.so from the given sources, with the flags a plugin should have. Needs the
# target OpsHub::sdk, which find_package(OpsHubSDK) or OpsHub's own sdk/ folder defines.
function(opshub_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE OpsHub::sdk)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" C_VISIBILITY_PRESET hidden C_STANDARD 11)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wvla -Walloca -Wframe-larger-than=4096)
  # Without undefined symbols: what a plugin needs comes from the host's table, never from the server's program.
  target_link_options(${name} PRIVATE -Wl,-z,defs -Wl,-z,relro -Wl,-z,now)
  # The loader refuses files that others can write, whatever the umask of the build was.
  add_custom_command(TARGET ${name} POST_BUILD COMMAND chmod go-w $<TARGET_FILE:${name}> $<TARGET_FILE_DIR:${name}> VERBATIM)
endfunction()
