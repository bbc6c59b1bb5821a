"""The pages of the indicators: for people who look rather than read; every rate shows what it is a share of.

``routes`` has the addresses, ``asked`` what a reader may ask for, ``board`` and ``figures`` what is read and how it is
said, ``overview``, ``one``, ``difference``, ``offices`` and ``index`` what pages show, ``export`` the same as files.
"""
