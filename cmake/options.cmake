# vecinal_options: warnings and sanitizers for targets built in this tree; never exported to users.
add_library(vecinal_options INTERFACE)
target_compile_features(vecinal_options INTERFACE cxx_std_20)
target_compile_options(vecinal_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(vecinal_options INTERFACE -Wno-restrict)  # false alarms on std::string (GCC bug 105651)
endif()
if(VECINAL_WERROR)
  target_compile_options(vecinal_options INTERFACE -Werror)
endif()

# Without it, each file must include what it uses; the plain build of the tests sees to that.
set(precompile OFF)
if(VECINAL_SANITIZE OR CMAKE_CROSSCOMPILING)
  set(precompile ON)
endif()
option(VECINAL_PRECOMPILE "Precompile headers: the library compiles in two thirds of the time" ${precompile})
# vecinal_precompile(TARGET HEADER...): headers that most of its files include. Not under ccache, which can keep
# only what is compiled from plain sources.
function(vecinal_precompile target)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER MATCHES ccache)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

if(VECINAL_SANITIZE)
  target_compile_options(vecinal_options INTERFACE -fsanitize=${VECINAL_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(vecinal_options INTERFACE -fsanitize=${VECINAL_SANITIZE})
  target_compile_definitions(vecinal_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()
