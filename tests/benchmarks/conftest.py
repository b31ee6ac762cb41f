"""The scripts under `peers` import libraries that are never installed beside the product."""

collect_ignore = ["peers"]
