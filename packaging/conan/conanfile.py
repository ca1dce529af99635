# SPDX-License-Identifier: Apache-2.0
# conan create packaging/conan        the runtime: compiled models
# conan create packaging/conan -o "octet/*:full=True"   ONNX and quantization too
import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class OctetRecipe(ConanFile):
    name = "octet"
    version = "0.1.0"
    license = "Apache-2.0"
    description = "Runs int8 neural networks on CPUs, the same bytes on every one"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "full": [True, False]}
    default_options = {"shared": False, "full": False}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "graph/*", "include/*", "kernels/*", "runtime/*"):
            copy(self, pattern, src=root, dst=self.export_sources_folder)

    def requirements(self):
        for reference in ("fmt/[>=9]", "cpuinfo/[*]", "pthreadpool/[*]", "flatbuffers/[>=2]"):
            self.requires(reference)
        if self.options.full:
            self.requires("onnx/[*]")
            self.requires("protobuf/[*]")

    def build_requirements(self):
        self.tool_requires("cmake/[>=3.25]")
        self.tool_requires("flatbuffers/<host_version>")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update({
            "OCTET_RUNTIME_ONLY": not self.options.full,
            "OCTET_SHARED": bool(self.options.shared),
            "OCTET_ONEDNN": "OFF",
            "OCTET_TOOLS": False,
            "OCTET_TESTS": False,
            "OCTET_WERROR": False,
        })
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # octet installs its own find_package files.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("lib", "cmake", "octet")]
