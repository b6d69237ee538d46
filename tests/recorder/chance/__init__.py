"""Programs that nobody wrote: made by chance, run by plain torch with witnesses, and recorded.

`writing` makes a program from a seed, `phrases` has what it is made of,
`witness` runs it plainly and writes down what it sees by means of its own,
`agreement` compares that with the trace.
"""
