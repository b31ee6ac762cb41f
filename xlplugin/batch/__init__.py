"""Many clients from one job file: read, plan, compute in any executor, write, resume, sum up.

`job` reads the job file, `plan` decides what to make and what is done already, `task` computes
one client, `run` gives tasks to workers, `records` and `writing` keep what was made whole,
`finish` and `summary` tell the firm. `orders` turns a finished plan into orders of accounts,
`year_ends` makes the year-end workbooks that `year_end` writes. Specification: workbooks, section 10.
"""
