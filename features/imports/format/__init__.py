"""The format of a map: values, blocks, the whole, and the files that hold maps."""
