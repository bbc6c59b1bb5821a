"""The province and the nation to practise on. Nothing of the product imports it except ``services``.

The province's side: ``Province`` makes the data of any day and keeps it in 116 sources, each in its own way, and in the
25 shared databases of ``shared``; ``trouble`` lets a source misbehave. Every person, company and number in it is
invented.
"""
