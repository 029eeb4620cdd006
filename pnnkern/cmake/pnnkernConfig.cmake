# find_package(pnnkern): the headers and kernels of the pnnkern that this file is part of.
#   pnnkern::headers   the maths, #include "pnnkern/philox.cuh", and the kernels' arguments, #include "pnnkern/kernels_optics.h"
#   pnnkern::host      runs kernels on the CPU: #include "cuda_host.h", and then #include "optics/mask.cu"
#   pnnkern_KERNELS    the folder of the .cu files, for nvcc
get_filename_component(pnnkern_KERNELS "${CMAKE_CURRENT_LIST_DIR}/../kernels" ABSOLUTE)
if(NOT EXISTS "${pnnkern_KERNELS}")   # a checkout, or an editable install: kernels/ lies beside the package
    get_filename_component(pnnkern_KERNELS "${CMAKE_CURRENT_LIST_DIR}/../../kernels" ABSOLUTE)
endif()
if(NOT EXISTS "${pnnkern_KERNELS}/include/pnnkern/platform.cuh")
    set(pnnkern_FOUND FALSE)
    set(pnnkern_NOT_FOUND_MESSAGE "there are no kernels beside ${CMAKE_CURRENT_LIST_DIR}")
    return()
endif()
if(NOT TARGET pnnkern::headers)
    add_library(pnnkern::headers INTERFACE IMPORTED)
    set_target_properties(pnnkern::headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${pnnkern_KERNELS}/include")
endif()
if(NOT TARGET pnnkern::host)
    set(CMAKE_THREAD_PREFER_PTHREAD TRUE)
    include(CMakeFindDependencyMacro)
    find_dependency(Threads)
    add_library(pnnkern::host INTERFACE IMPORTED)
    target_compile_features(pnnkern::host INTERFACE cxx_std_17)
    # -iquote: <random> stays the standard header. -ffp-contract=off: an fma only where a kernel says so, as the bits are promised.
    target_compile_options(pnnkern::host INTERFACE "SHELL:-iquote \"${pnnkern_KERNELS}\"" -ffp-contract=off -Wno-unknown-pragmas
        -Wno-unused-function -Wno-unused-variable)
    target_include_directories(pnnkern::host INTERFACE "${pnnkern_KERNELS}/host")
    target_link_libraries(pnnkern::host INTERFACE pnnkern::headers Threads::Threads)
endif()
