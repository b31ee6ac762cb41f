"""The year-end workbook of one client: nine pages of values and native formulas, no function cell.

`request` turns an event log into the question for `engines.year_end_japan` and `engines.year_end_us`;
`japan` and `united_states` put their answers on pages; `making` computes the formulas and gives the bytes.
Texts, columns and tables are data: ``workbooks/layout/year_end.toml``. Specification: workbooks, section 7.
"""
