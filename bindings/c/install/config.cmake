# find_package(rulebound CONFIG) gives two targets: the shared library, and the archive.
get_filename_component(_rulebound_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET rulebound::rulebound)
  add_library(rulebound::rulebound SHARED IMPORTED)
  set_target_properties(rulebound::rulebound PROPERTIES
    IMPORTED_LOCATION "${_rulebound_prefix}/lib/@SONAME@"
    IMPORTED_SONAME "@SONAME@"
    INTERFACE_INCLUDE_DIRECTORIES "${_rulebound_prefix}/include")

  add_library(rulebound::static STATIC IMPORTED)
  set_target_properties(rulebound::static PROPERTIES
    IMPORTED_LOCATION "${_rulebound_prefix}/lib/librulebound.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_rulebound_prefix}/include"
    INTERFACE_LINK_LIBRARIES "@LIBRARIES@")
endif()

unset(_rulebound_prefix)
