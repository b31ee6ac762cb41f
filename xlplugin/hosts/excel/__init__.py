"""Excel for Windows: COM functions through the BSD part of xlwings, and a macro workbook built from text."""
