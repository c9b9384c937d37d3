"""The checks of this folder bite: each is given a small tree with a known fault and must name it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import check_headers
import check_includes
import check_readme
import check_sizes
import check_symbols
import check_words


class Tree(unittest.TestCase):
    """A temporary source tree."""

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name).resolve()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


class Includes(Tree):
    def faults(self, name: str, include: str) -> list[str]:
        self.write("src/core/array.hpp", "")
        self.write("src/graph/beam.hpp", "")
        self.write(name, f"// first line\n#include {include}\n")
        return check_includes.check(self.root)

    def test_upward_arrow_is_named_with_its_line(self) -> None:
        expected = ['src/core/list.hpp:2: #include "graph/beam.hpp": core may not include graph']
        self.assertEqual(self.faults("src/core/list.hpp", '"graph/beam.hpp"'), expected)

    def test_relative_path_does_not_hide_an_arrow(self) -> None:
        self.assertEqual(len(self.faults("src/core/list.hpp", '"../graph/beam.hpp"')), 1)

    def test_transform_and_graph_are_strangers(self) -> None:
        self.assertEqual(len(self.faults("src/transform/rotate.cpp", '"graph/beam.hpp"')), 1)

    def test_devices_see_plain_views_only(self) -> None:
        self.assertEqual(len(self.faults("cuda/walk.cu", '"graph/beam.hpp"')), 1)
        self.write("src/kernels/rows.hpp", "")
        self.write("cuda/walk.cu", "// first line\n#include \"kernels/rows.hpp\"\n")
        self.assertEqual(check_includes.check(self.root), [])

    def test_downward_arrow_is_fine(self) -> None:
        self.assertEqual(self.faults("src/graph/walk.cpp", '"core/array.hpp"'), [])

    def test_outsiders_use_public_headers(self) -> None:
        outside = ("python/bindings/index.cpp", "examples/search.cpp", "include/vecinal/index.hpp", "src/cli/main.cpp")
        for place in outside:
            with self.subTest(place):
                self.assertEqual(len(self.faults(place, '"core/array.hpp"')), 1)
                self.assertEqual(self.faults(place, '"vecinal/config.hpp"'), [])
                (self.root / place).unlink()

    def test_public_headers_are_std_only(self) -> None:
        self.assertEqual(len(self.faults("include/vecinal/index.hpp", "<Eigen/Dense>")), 1)
        self.assertEqual(self.faults("include/vecinal/index.hpp", "<vector>"), [])

    def test_per_isa_code_includes_no_library(self) -> None:
        self.assertEqual(len(self.faults("src/kernels/vec_avx2.hpp", "<algorithm>")), 1)
        self.assertEqual(self.faults("src/kernels/vec_avx2.hpp", "<immintrin.h>"), [])

    def test_unknown_layer(self) -> None:
        self.assertIn("is no layer", self.faults("src/misc/a.hpp", "<vector>")[0])


class Sizes(Tree):
    def test_long_file(self) -> None:
        self.write("src/core/long.hpp", "\n" * 400)
        self.assertEqual(check_sizes.check(self.root), ["src/core/long.hpp: 400 lines, the rule is < 400"])

    def test_long_functions(self) -> None:
        body = "{\n" + "  if (x) { ++x; }  // }\n" * 58 + "}\n"
        member = "namespace n {\nclass C {\n  template <class T>\n  void f(T x) const " + body + "};\n}\n"
        self.write("src/core/a.cpp", member)
        self.write("src/core/b.cpp", "int ok(int x) " + body.replace("  if (x) { ++x; }  // }\n", "", 1))
        self.write("python/c.py", "def f():\n" + "    pass\n" * 59)
        self.write("python/d.py", 'def f():\n    """' + "\n" * 9 + '    """\n' + "    pass\n" * 58)
        places = [fault.split(": ")[0] for fault in check_sizes.check(self.root)]
        self.assertEqual(places, ["src/core/a.cpp:3", "python/c.py:1"])


class Words(Tree):
    def test_printing_and_exits(self) -> None:
        bad = ["std::cout << 1;", 'printf("x");', "std::abort();", "exit(1);"]
        self.write("src/core/a.cpp", "\n".join(bad))
        self.write("src/core/b.cpp", '// printf(\nconst char* s = "exit(";\nint at_exit(int); int snprintf(char*);\n')
        self.write("src/cli/main.cpp", "std::cout << 1;")
        places = [fault.split(": ")[0] for fault in check_words.check(self.root)]
        self.assertEqual(places, [f"src/core/a.cpp:{line}" for line in (1, 2, 3, 4)])

    def test_native_builds(self) -> None:
        self.write("src/CMakeLists.txt", "add_compile_options(-march" + "=native)")
        self.assertEqual(len(check_words.check(self.root)), 1)


class Compiled(Tree):
    compiler = "c++"

    def test_header_that_needs_another(self) -> None:
        bad = self.write("bad.hpp", "#pragma once\nstd::size_t n;\n")
        unguarded = self.write("unguarded.hpp", "int n;\n")
        good = self.write("good.hpp", "#pragma once\n#include <cstddef>\nstd::size_t n;\n")
        faults = check_headers.check([bad, unguarded, good], self.compiler, [])
        self.assertEqual([fault.split(":")[0] for fault in faults], [str(bad), str(unguarded)])

    def test_weak_symbols_and_second_getters(self) -> None:
        source = self.write(
            "kernels.cpp",
            "inline int shared(int x) { return x + 1; }\n"
            "namespace vecinal::kernels {\n"
            "int table_avx2() { int (*volatile f)(int) = shared; return f(1); }\n"
            "int second() { return 2; }\n}\n",
        )
        made = self.root / "kernels.o"
        subprocess.run([self.compiler, "-c", str(source), "-o", str(made)], check=True)
        faults = check_symbols.check("avx2", made)
        self.assertEqual([fault.split(": ")[1] for fault in faults], [
            "weak symbol shared(int)", "global symbol vecinal::kernels::second()"])
        self.assertIn("table_neon() is missing", check_symbols.check("neon", made)[-1])


class Readme(Tree):
    def test_block_that_differs_and_missing_command(self) -> None:
        self.write("examples/search.py", "print(1)\n")
        self.write("examples/search.cpp", "int main() {}\n")
        code = "```python\nprint(2)\n```\n```cpp\nint main() {}\n```\n"
        self.write("README.md", code + "```sh\nscripts/demo.sh  # demo\n```\n")
        faults = check_readme.check(self.root)
        self.assertEqual(len(faults), 2)
        self.assertIn("examples/search.py", faults[0])
        self.assertIn("scripts/test.sh", faults[1])

    def test_output_that_differs(self) -> None:
        self.write("README.md", "```text\n1\n```\n")
        self.assertEqual(check_readme.check_output(self.root, ["echo", "1"]), [])
        self.assertEqual(len(check_readme.check_output(self.root, ["echo", "2"])), 1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Compiled.compiler = sys.argv.pop()
    unittest.main()
