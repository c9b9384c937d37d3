# cmake -D KIND=find_package|pkg_config|add_subdirectory -D SOURCE=vecinal -D BUILD=its build folder
#       -D WORK=scratch folder -D GENERATOR=name -D CXX=compiler -D LAUNCHER=compiler launcher
#       -D VERSION=x.y.z -P run.cmake
# Builds tests/consumer/main.cpp as a user would, runs it, and compares what it prints.
cmake_minimum_required(VERSION 3.24)

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(code)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${code}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# An installation into a folder that is then moved: package files must not remember where they were made.
function(install_to prefix)
  file(REMOVE_RECURSE ${WORK})
  step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
  file(RENAME ${WORK}/first ${prefix})
  file(GLOB_RECURSE written ${prefix}/*.cmake ${prefix}/*.pc)
  foreach(name IN LISTS written)
    file(READ ${name} text)
    string(FIND "${text}" "${SOURCE}" leak)
    if(text MATCHES "Eigen|vecinal_options" OR NOT leak EQUAL -1)
      message(FATAL_ERROR "${name} names a private dependency or the source folder")
    endif()
  endforeach()
endfunction()

set(generator -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
set(program ${WORK}/build/consumer)
if(KIND STREQUAL "find_package")
  install_to(${WORK}/prefix)
  step(${CMAKE_COMMAND} -S ${SOURCE}/tests/consumer/find_package -B ${WORK}/build ${generator}
       -D CMAKE_PREFIX_PATH=${WORK}/prefix -D CMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON)
  step(${CMAKE_COMMAND} --build ${WORK}/build)
elseif(KIND STREQUAL "pkg_config")
  install_to(${WORK}/prefix)
  file(GLOB_RECURSE pc ${WORK}/prefix/vecinal.pc)
  cmake_path(GET pc PARENT_PATH folder)
  step(${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${folder} pkg-config --static --cflags --libs vecinal)
  separate_arguments(flags UNIX_COMMAND "${output}")
  file(MAKE_DIRECTORY ${WORK}/build)
  step(${CXX} -std=c++20 ${SOURCE}/tests/consumer/main.cpp -o ${program} ${flags})
else()
  set(build -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS_DEBUG=-O0 -D VECINAL_PRECOMPILE=ON)
  if(LAUNCHER MATCHES ccache)
    set(build -D CMAKE_BUILD_TYPE=Release -D VECINAL_WERROR=ON)  # the objects of the release build
  endif()
  step(${CMAKE_COMMAND} -S ${SOURCE}/tests/consumer/add_subdirectory -B ${WORK}/build ${generator}
       -D VECINAL_SOURCE=${SOURCE} -D BUILD_SHARED_LIBS=ON ${build})
  step(${CMAKE_COMMAND} --build ${WORK}/build --target consumer)
endif()

step(${program})
if(NOT output STREQUAL "vecinal ${VERSION}: nearest is 2\n")
  message(FATAL_ERROR "the consumer printed: ${output}")
endif()
