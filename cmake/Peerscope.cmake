# SPDX-License-Identifier: GPL-2.0-or-later
# Shared build rules: warning and sanitizer flags, and libraries that collect their sources from a folder.

add_library(peerscope_flags INTERFACE)
target_compile_options(peerscope_flags INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives for coroutine frames and inlined std::string at -O2.
  target_compile_options(peerscope_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-pointer)
endif()
if(PEERSCOPE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Clang 14 cannot place the data of this check for coroutines ("Cannot represent a difference across sections").
    add_compile_options(-fno-sanitize=function)
  endif()
endif()
if(PEERSCOPE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# For code that wires others together and computes little: -O1 takes two thirds of the compiler's time at -O2.
function(peerscope_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# peerscope_sources(VAR DIR [EXCLUDE DIR...]): every .cc below DIR.
function(peerscope_sources var dir)
  cmake_parse_arguments(arg "" "" "EXCLUDE" ${ARGN})
  file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${dir}/*.cc)
  foreach(skip IN LISTS arg_EXCLUDE)
    list(FILTER found EXCLUDE REGEX "^${CMAKE_SOURCE_DIR}/${skip}/")
  endforeach()
  set(${var} ${found} PARENT_SCOPE)
endfunction()

# peerscope_library(NAME DIR [EXCLUDE DIR...] [LINK TARGET...])
function(peerscope_library name dir)
  cmake_parse_arguments(arg "" "" "EXCLUDE;LINK" ${ARGN})
  peerscope_sources(sources ${dir} EXCLUDE ${arg_EXCLUDE})
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${arg_LINK} PRIVATE peerscope_flags)
endfunction()
