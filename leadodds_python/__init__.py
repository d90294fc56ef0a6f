"""The functions of `import leadodds`: what the commands do, for histories that may be DataFrames."""
