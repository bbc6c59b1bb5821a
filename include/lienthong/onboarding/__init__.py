"""A new dataset begins as a proposal from its live source: a contract, samples and a preview of its tables, which a
person reviews. ``inspect`` looks, ``propose`` writes down what it saw as a contract, ``samples`` proves its rules with
invented rows, ``write`` puts the files where they belong and replaces none.
"""
