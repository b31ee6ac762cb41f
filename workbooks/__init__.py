"""The template workbooks: layout as data, the builder, the built files, the sample clients."""
