# SPDX-License-Identifier: GPL-2.0-only
# For Sphinx: "make docs" gives KERNEL_FILES, where the kernel's kernel-doc is.
import os
import sys

kernel_files = os.environ["KERNEL_FILES"]
sys.path.insert(0, os.path.join(kernel_files, "Documentation/sphinx"))
os.environ["srctree"] = os.path.abspath("..")

project = "zcpool"
extensions = ["kerneldoc"]
kerneldoc_bin = os.path.join(kernel_files, "scripts/kernel-doc")
kerneldoc_srctree = os.environ["srctree"]
root_doc = "index"
exclude_patterns = ["man"]
primary_domain = "c"
html_theme = "alabaster"
html_theme_options = {"page_width": "60em"}
